"""How a storage is named, shared with other processes, and fails; tests/cluster/test_s3_*.py use a simulated S3."""

import errno
import os
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tune_jobs.errors import StorageError, StorageRefusedError, UserError
from tune_jobs.storage import storage as module
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


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left on its disk; make room there"),
        (errno.EDQUOT, "the quota of its disk is used up; delete something there"),
        (errno.EROFS, "it is read-only; make it writable"),
        (errno.EACCES, "permission is denied; change the permissions"),
        (errno.EPERM, "permission is denied; change the permissions"),
    ],
)
def test_what_waiting_cannot_mend_is_a_refusal_at_the_first_attempt(
    number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Path] = []

    def refuse(path: Path, content: bytes) -> None:
        attempts.append(path)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, "replace_file", refuse)
    with pytest.raises(StorageRefusedError) as raised:
        Storage.at(str(tmp_path)).patient().write(b"x", "ledger", "x")
    assert str(raised.value) == f"{tmp_path}: cannot be written: {words}, or give another --storage"
    assert len(attempts) == 1


def test_an_error_that_may_pass_is_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "replace_file", refuse)
    with pytest.raises(StorageError, match="Input/output error") as raised:
        Storage.at(str(tmp_path)).write(b"x", "x")
    assert not isinstance(raised.value, StorageRefusedError)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_is_larger_than_the_process_may_write_is_a_refusal_and_leaves_nothing(tmp_path: Path) -> None:
    place = Storage.at(str(tmp_path))
    with largest_file(1000), pytest.raises(StorageRefusedError, match="larger than this process may write"):
        place.write(b"x" * 5000, "x")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_keeps_what_was_not_written_on_its_way_to_another_process() -> None:
    refused = StorageRefusedError("full")
    refused.unwritten["ledger", "x"] = b"content"
    again = pickle.loads(pickle.dumps(refused))
    assert (str(again), again.unwritten) == ("full", refused.unwritten)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("loop", "a link that leads in a circle; mend the link"),
        ("loop/below", "a link that leads in a circle; mend the link"),
        ("x" * 300, "name is too long for the file system; shorten it"),
        ("a\0b", "embedded null byte"),
        ("\udcff", "is not UTF-8"),
        ("~nobody-of-this-name/x", "there is no such user, or no home folder"),
    ],
)
def test_a_path_that_no_folder_can_have_is_one_line(
    path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    with pytest.raises(UserError, match=words) as raised:
        Storage.at(path)
    assert str(raised.value).isprintable()


def test_a_link_to_a_folder_that_does_not_exist_yet_is_a_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    Storage.at(str(tmp_path / "link")).write(b"x", "x")
    assert (tmp_path / "later" / "x").read_bytes() == b"x"
