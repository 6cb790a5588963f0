"""The ledger, a search's journal and datasets on S3: few requests, and nothing lost or kept twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cluster.results import unpacked
from tests.cluster.s3_server import Gate
from tune_jobs.errors import StorageError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.search.journal import DRAWN, Event, Journal, read_journal
from tune_jobs.storage.storage import Storage
from tune_jobs.submit.sent_data import fetch, file_hashes, upload


def record(seed: int, **changes: Any) -> Record:
    curve = tuple(np.random.default_rng(seed).random(3))
    values: dict[str, Any] = {
        "key": f"{seed:020x}",
        "fields": "{}",
        "dataset": "digits",
        "fingerprint": "data",
        "engine_version": 1,
        "seed": seed,
        "outcome": "completed",
        "epochs": 3,
        "metric": "accuracy",
        "target_unit": "",
        "outputs": 2,
        "validation_loss": curve,
        "measured_epochs": (3,),
        "measured_train_loss": (0.5,),
        "measured_train_metric": (0.5,),
        "validation_outputs": (np.full((3, 2), seed, "<f4").tobytes(),),
    }
    return Record(**{**values, **changes})


def test_each_step_takes_as_few_requests_as_it_can(gate: Gate, storage: Storage) -> None:
    ledger = Ledger.open(storage, create=True)
    gate.requests.clear()
    ledger.write(record(1))
    assert [method for method, _ in gate.requests] == ["PUT"]
    gate.requests.clear()
    storage.write(b"y" * 2**20, "large")
    assert [method for method, _ in gate.requests] == ["PUT"]
    gate.requests.clear()
    assert ledger.read().records.keys() == {record(1).key}
    assert [method for method, _ in gate.requests] == ["GET", "HEAD", "GET", "GET"]
    assert storage.read("large") == b"y" * 2**20


def test_many_records_are_read_concurrently(gate: Gate, storage: Storage) -> None:
    ledger = Ledger.open(storage, create=True)
    for seed in range(24):
        ledger.write(record(seed))
    gate.behave()
    gate.delay_seconds = 0.1
    assert len(ledger.read().records) == 24
    assert gate.most_at_once > 4


def test_a_killed_compaction_neither_loses_nor_doubles_a_record(
    gate: Gate, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    ledger = Ledger.open(storage, create=True)
    for seed in range(8):
        ledger.write(record(seed))
    before = ledger.read(predictions=True)
    # From the third deletion on, the process is dead.
    done: list[str] = []
    delete = Storage.delete

    def dying(self: Storage, *parts: str) -> None:
        done.append(parts[-1])
        if len(done) > 2:
            raise Killed
        delete(self, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete", dying)
        with pytest.raises(Killed):
            ledger.compact(at_least=8)
    assert unpacked(storage)
    assert Ledger.open(storage).read(predictions=True) == before
    ledger.compact(at_least=1)
    assert unpacked(storage) == []
    assert ledger.read(predictions=True) == before
    assert ledger.remove([record(3).key]) == 1
    assert record(3).key not in ledger.read().records
    assert len(ledger.read().records) == 7


def test_an_event_that_could_not_be_written_is_not_written_later(gate: Gate, storage: Storage) -> None:
    journal = Journal(storage, "one", [])
    journal.add(Event(DRAWN, 0, 1.0, values={"x": 1}))
    gate.fault = lambda method, path, headers: (403, "AccessDenied")
    with pytest.raises(StorageError):
        journal.add(Event(DRAWN, 1, 2.0, values={"x": 2}))
    gate.behave()
    journal.add(Event(DRAWN, 1, 3.0, values={"x": 3}))
    assert [event.values for event in read_journal(storage, "one")] == [{"x": 1}, {"x": 3}]


def test_datasets_are_sent_once_and_fetched_whole(gate: Gate, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.csv").write_text("a,b\n1,2\n")
    said: list[str] = []
    for _ in range(2):
        files = file_hashes(tmp_path / "here", ["*.csv"])
        upload(storage, tmp_path / "here", files, said.append)
    assert len(said) == 1
    assert (fetch(storage, files, tmp_path / "cache") / "a.csv").read_text() == "a,b\n1,2\n"
