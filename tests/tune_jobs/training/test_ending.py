"""How a run ends: its exit code, and what becomes of results that the storage did not take."""

import errno
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.errors import StorageRefusedError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.training.ending import end_refused, exit_code

Make = Callable[..., Record]


@pytest.mark.parametrize(
    ("outcomes", "code", "words"),
    [
        ({"completed": 3, "stopped_early": 1, "diverged": 2, "pruned": 4}, 0, ""),
        ({"completed": 3, "failed": 1}, 1, "1 trial failed: no memory; `ablatune status tiny.yaml` names it, "),
        ({"lost": 2}, 1, "2 trials failed, all for one reason: no memory; `ablatune status tiny.yaml` names them, "),
        ({"lost": 2}, 1, "`ablatune run tiny.yaml --retry-failed` tries again"),
        (
            {"timed_out": 1},
            1,
            "1 trial reached its time limit before its last epoch; `ablatune run tiny.yaml --time-limit 3`",
        ),
        ({"completed": 3, "timed_out": 2}, 1, "2 trials reached their time limit before their last epoch"),
    ],
)
def test_a_replicate_without_its_numbers_is_no_success(
    outcomes: dict[str, int], code: int, words: str, tiny: Study
) -> None:
    said: list[str] = []
    ended = [(outcome, "no memory") for outcome, count in outcomes.items() for _ in range(count)]
    assert exit_code(ended, tiny, said.append, limit_seconds=90) == code
    assert words in " ".join(said)
    assert bool(said) == bool(code)


def test_several_reasons_are_left_to_the_status(tiny: Study) -> None:
    said: list[str] = []
    assert exit_code([("failed", "no memory"), ("failed", "no time"), ("completed", "")], tiny, said.append) == 1
    assert said[0].startswith("2 trials failed; `ablatune status tiny.yaml` names them")


@pytest.fixture
def tiny(tiny_study: Path) -> Study:
    """Return a study that the user named "tiny.yaml"."""
    return replace(load_study(str(tiny_study)), given=("tiny.yaml",))


@pytest.fixture
def refused(ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch) -> StorageRefusedError:
    """Return what a full storage raised at a record."""

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tune_jobs.storage.storage.replace_file", full)
        with pytest.raises(StorageRefusedError) as raised:
            ledger.write(make_record())
    return raised.value


def test_results_are_written_after_all_if_there_is_room_by_then(
    ledger: Ledger, refused: StorageRefusedError, make_record: Make
) -> None:
    said: list[str] = []
    assert end_refused(refused, ledger.storage, said.append) == 1
    assert set(ledger.read().records) == {make_record().key}
    assert said[0].startswith("stopped: ")
    assert "no space is left on its disk; make room there" in said[0]
    assert said[1].startswith("all other trials that finished are kept; the same command continues: ")


class Full:
    """A storage that takes nothing."""

    uri = "/full"

    def write(self, content: bytes, *parts: str) -> None:
        raise StorageRefusedError("/full: no")


def test_else_they_are_kept_in_a_ledger_of_their_own_that_can_be_merged(
    refused: StorageRefusedError, ledger: Ledger, make_record: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said: list[str] = []
    full: Any = Full()
    assert end_refused(refused, full, said.append) == 1
    assert "1 trial finished but could not be stored there, and lies in" in said[1]
    merge = re.search(r"`ablatune ledger merge (\S+) --storage /full` adds it", said[1])
    assert merge is not None
    assert ledger.merge(Ledger.open(Storage.at(merge[1]))) == 1
    assert set(ledger.read().records) == {make_record().key}


def test_what_can_be_kept_nowhere_is_said_to_be_lost(
    refused: StorageRefusedError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    said: list[str] = []
    full: Any = Full()
    assert end_refused(refused, full, said.append) == 1
    assert said[1] == f"1 trial finished but could not be stored, neither there nor in {tmp_path / 'absent'}: lost"
