"""Dataset files go to the storage once, by their content, and come back as they were."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage
from tune_jobs.submit.sent_data import ATTACHED, FOLDER, attach, data_folder, fetch, file_hashes, upload, write_manifest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("USPS/usps.bz2", "MNIST/raw/a-ubyte", "other/unread"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f"content of {name}")
    return tmp_path / "data"


PATTERNS = ("USPS/usps.bz2", "MNIST/raw/*-ubyte", "absent/file")


def uploaded(storage: Storage, data: Path, say: Callable[[str], object]) -> dict[str, str]:
    files = file_hashes(data, PATTERNS)
    upload(storage, data, files, say)
    return files


def test_files_are_sent_once_and_come_back(data: Path, tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "results"))
    said: list[str] = []
    sent = uploaded(storage, data, said.append)
    assert sorted(sent) == ["MNIST/raw/a-ubyte", "USPS/usps.bz2"]
    assert len(said) == 2
    assert uploaded(storage, data, said.append) == sent
    assert len(said) == 2, "what the storage has is not sent again"
    folder = fetch(storage, sent, tmp_path / "cache")
    for name in sent:
        assert (folder / name).read_bytes() == (data / name).read_bytes()


def test_a_changed_file_is_another_file(data: Path, tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "results"))
    before = uploaded(storage, data, print)
    (data / "USPS/usps.bz2").write_text("corrected")
    after = uploaded(storage, data, print)
    assert (fetch(storage, before, tmp_path / "cache") / "USPS/usps.bz2").read_text() == "content of USPS/usps.bz2"
    assert (fetch(storage, after, tmp_path / "cache") / "USPS/usps.bz2").read_text() == "corrected"


def test_a_damaged_file_in_the_cache_is_fetched_again(data: Path, tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "results"))
    sent = uploaded(storage, data, print)
    path = fetch(storage, sent, tmp_path / "cache") / "USPS/usps.bz2"
    path.write_text("damaged")
    fetch(storage, sent, tmp_path / "cache")
    assert path.read_text() == "content of USPS/usps.bz2"


def test_a_file_that_is_missing_or_changed_in_the_storage_is_named(data: Path, tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "results"))
    sent = uploaded(storage, data, print)
    storage.write(b"changed", FOLDER, sent["USPS/usps.bz2"])
    with pytest.raises(UserError, match=r"is not the USPS/usps\.bz2 that was sent"):
        fetch(storage, sent, tmp_path / "cache")
    storage.delete(FOLDER, sent["USPS/usps.bz2"])
    with pytest.raises(UserError, match=r"USPS/usps\.bz2 is missing"):
        fetch(storage, sent, tmp_path / "cache")


def test_a_job_reads_what_was_sent_and_any_other_run_the_given_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert data_folder(data, str(results)) == data
    write_manifest(tmp_path, uploaded(Storage.at(str(results)), data, print))
    found = data_folder(Path("data"), str(results))
    assert found.is_relative_to(tmp_path / "home")
    assert (found / "MNIST/raw/a-ubyte").is_file()


def test_files_attached_to_a_job_are_stored_for_the_next(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, job = tmp_path / "results", tmp_path / "job"
    job.mkdir()
    files = file_hashes(data, PATTERNS)
    said: list[str] = []
    attach(job, data, files, {files["USPS/usps.bz2"]}, said.append)
    assert said == ["sending MNIST/raw/a-ubyte (28 B) with the job"]
    attach(job, data, files, set(), said.append)
    monkeypatch.chdir(job)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    write_manifest(job, files)
    found = data_folder(Path("data"), str(results))
    for name in files:
        assert (found / name).read_bytes() == (data / name).read_bytes()
    shutil.rmtree(job / ATTACHED)
    assert set(Storage.at(str(results)).names(FOLDER)) == set(files.values())
    again = data_folder(Path("data"), str(results))
    assert again == found


def test_many_files_are_sent_under_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number}.png").write_text(str(number))
    files = file_hashes(tmp_path, ["images/*.png"])
    said: list[str] = []
    storage = Storage.at(str(tmp_path / "results"))
    upload(storage, tmp_path, files, said.append)
    assert said == [f"sending 2,000 files (6.9 kB) to {storage.address(FOLDER)}"]
    assert len(storage.names(FOLDER)) == 2000
    upload(storage, tmp_path, files, said.append)
    assert len(said) == 1
