"""Records wait for each other for a moment at most, and none is lost on the way."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tune_jobs.errors import StorageError, StorageRefusedError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.training.record_writer import RecordWriter

Make = Callable[..., Record]


def names(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in Path(ledger.storage.path("ledger")).glob("*.parquet"))


def test_records_of_a_moment_are_one_file(ledger: Ledger, make_record: Make) -> None:
    records = [make_record(seed=seed) for seed in range(3)]
    with RecordWriter(ledger, 60.0) as writer:
        for record in records:
            writer.add(record)
        assert writer.taken() == []
        assert names(ledger) == []
    assert len(names(ledger)) == 1
    assert writer.taken() == records
    assert writer.taken() == []
    assert set(ledger.read().records) == {record.key for record in records}


def test_a_record_is_written_though_nothing_follows(ledger: Ledger, make_record: Make) -> None:
    writer = RecordWriter(ledger, 0.1)
    writer.add(make_record())
    deadline = time.monotonic() + 30
    while not names(ledger):
        assert time.monotonic() < deadline, "it was never written"
        time.sleep(0.01)


def test_a_record_that_must_be_durable_takes_along_those_that_wait(ledger: Ledger, make_record: Make) -> None:
    writer = RecordWriter(ledger, 60.0)
    writer.add(make_record(seed=0))
    writer.add(make_record(seed=1), at_once=True)
    assert len(names(ledger)) == 1
    assert len(ledger.read().records) == 2


def test_records_that_come_seldom_are_written_at_once(ledger: Ledger, make_record: Make) -> None:
    writer = RecordWriter(ledger, 0.05)
    for seed in range(2):
        time.sleep(0.06)
        writer.add(make_record(seed=seed))
        assert len(names(ledger)) == seed + 1


def test_what_a_full_storage_did_not_take_is_raised_where_the_worker_next_looks_as_a_whole(
    ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tune_jobs.storage.storage.replace_file", refuse)
    records = [make_record(seed=seed) for seed in range(3)]
    writer = RecordWriter(ledger, 0.1)
    for record in records[:2]:
        writer.add(record)
    while not writer._failed:
        time.sleep(0.01)
    with pytest.raises(StorageRefusedError) as caught:
        writer.add(records[2])
    monkeypatch.undo()
    for path, content in caught.value.unwritten.items():
        ledger.storage.write(content, *path)
    assert set(ledger.read().records) == {record.key for record in records}


def test_an_outage_that_is_over_is_forgotten(
    ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> None:
        raise OSError("the server is down")

    monkeypatch.setattr("tune_jobs.storage.storage.replace_file", fail)
    with RecordWriter(ledger, 0.05) as writer:
        writer.add(make_record())
        while not writer._failed:
            time.sleep(0.01)
        with pytest.raises(StorageError, match="the server is down"):
            writer.check()
        monkeypatch.undo()
        writer.check()
        assert len(writer.taken()) == 1
    assert len(names(ledger)) == 1
