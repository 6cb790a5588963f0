"""A probe tells whether a storage can be written, and leaves no trace."""

import os
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.storage.probe import probe, storage_problem
from tune_jobs.storage.storage import Storage


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "deep" / "results"))
    with probe(storage) as name:
        assert storage.exists(name)
        assert storage_problem(storage.uri, name) == ""
        assert list(storage.names()) == [name]
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with probe(Storage.at(str(tmp_path / "results"))):
        pass
    assert list((tmp_path / "results").iterdir()) == []


def test_a_folder_of_the_same_name_is_not_taken_for_a_shared_one(tmp_path: Path) -> None:
    for place in ("driver", "node"):
        (tmp_path / place).mkdir()
    with probe(Storage.at(str(tmp_path / "driver"))) as name:
        assert "does not see it" in storage_problem(str(tmp_path / "node"), name)
        assert "does not see it" in storage_problem(str(tmp_path / "absent"), name)
    assert list((tmp_path / "node").iterdir()) == []
    assert not (tmp_path / "absent").exists()


def test_a_storage_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"), probe(Storage.at(str(tmp_path / "file" / "below"))):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_access_is_a_problem(tmp_path: Path) -> None:
    with probe(Storage.at(str(tmp_path))) as name:
        tmp_path.chmod(0o500)
        try:
            assert "cannot use it" in storage_problem(str(tmp_path), name)
        finally:
            tmp_path.chmod(0o700)
