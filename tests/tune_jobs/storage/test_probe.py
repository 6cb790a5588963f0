"""Whether a storage can be written, and leaves no trace of having been tried."""

import os
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.storage import probe as reach
from tune_jobs.storage.probe import look, probe
from tune_jobs.storage.storage import Storage


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "deep" / "results"))
    with probe(storage) as name:
        assert storage.exists(name)
        assert look(storage.uri, name) == ""
        assert list(storage.names()) == [name]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with probe(Storage.at(str(tmp_path / "results"))):
        pass
    assert list((tmp_path / "results").iterdir()) == []


def test_another_folder_of_the_same_name_is_told_from_a_shared_one(tmp_path: Path) -> None:
    for place in ("driver", "node"):
        (tmp_path / place).mkdir()
    with probe(Storage.at(str(tmp_path / "driver"))) as name:
        assert "does not see it" in look(str(tmp_path / "node"), name)
        assert "does not see it" in look(str(tmp_path / "absent"), name)
    assert list((tmp_path / "node").iterdir()) == []
    assert not (tmp_path / "absent").exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"), probe(Storage.at(str(tmp_path / "file" / "below"))):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_node_that_may_only_read_says_so(tmp_path: Path) -> None:
    with probe(Storage.at(str(tmp_path))) as name:
        tmp_path.chmod(0o500)
        try:
            assert "cannot use it" in look(str(tmp_path), name)
        finally:
            tmp_path.chmod(0o700)


def test_a_node_that_goes_away_meanwhile_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter([True, True, False])
    monkeypatch.setattr("ray.nodes", lambda: [{"NodeID": "a", "Alive": next(states, False)}])
    monkeypatch.setattr(reach.time, "sleep", lambda seconds: None)
    assert reach._goes_away("a"), "as long as it is drained"
    assert reach._goes_away("b"), "forgotten already"
    monkeypatch.setattr("ray.nodes", lambda: [{"NodeID": "a", "Alive": True}])
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(reach.time, "monotonic", lambda: next(clock))
    assert not reach._goes_away("a"), "it stays, and cannot use the storage"
