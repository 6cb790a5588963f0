"""How a storage is named, shared with other processes, and fails; tests/cluster/test_s3_*.py use a simulated S3."""

import pickle
from pathlib import Path

import pytest

from tune_jobs.errors import StorageError
from tune_jobs.storage.storage import Storage


def test_a_storage_is_opened_anew_in_another_process(tmp_path: Path) -> None:
    place = Storage.at("s3://bucket/x?endpoint_override=127.0.0.1:1&scheme=http").patient(7.0)
    again = pickle.loads(pickle.dumps(place))
    assert (again.uri, again.root, again.patience_seconds) == (place.uri, place.root, 7.0)
    assert b"secret" not in pickle.dumps(place)
    folder = pickle.loads(pickle.dumps(Storage.at(str(tmp_path))))
    assert folder.local_root == tmp_path


def test_other_processes_need_not_ask_for_the_region_again() -> None:
    for uri, shared in [
        ("s3://bucket/x", "s3://bucket/x?region=eu-west-3"),
        ("s3://bucket/x?scheme=https", "s3://bucket/x?scheme=https&region=eu-west-3"),
    ]:
        assert Storage(uri, None, "bucket/x", region="eu-west-3").shared_uri == shared


@pytest.mark.parametrize(
    ("uri", "relative"),
    [
        ("results", True),
        ("~/results", True),
        ("/shared/results", False),
        ("file:///shared", False),
        ("s3://bucket/x", False),
    ],
)
def test_a_path_that_other_machines_resolve_differently_is_relative(uri: str, relative: bool) -> None:
    assert Storage.at(uri).is_relative == relative


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    place = Storage.at(str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot be read"):
        place.read("x")
    with pytest.raises(StorageError, match="cannot be written"):
        place.write(b"", "x")
    place = Storage.at(str(tmp_path))
    place.delete("none")
    with pytest.raises(FileNotFoundError):
        place.read("none")
