"""Records as columns of a file, and back."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from math import inf, nan

import pyarrow as pa
import pytest

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.parquet import records_in
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.schema import SCHEMA

Make = Callable[..., Record]


@pytest.fixture
def records(make_record: Make) -> list[Record]:
    """Return records of many kinds."""
    failed = replace(make_record(seed=1, epochs=0, measured=()), outcome="failed", reason="so", retriable=True)
    return [
        make_record(seed=0, epochs=3, measured=(1, 3), started_at=datetime(2026, 1, 23, 12, 0, 1, 7, tzinfo=UTC)),
        failed,
        make_record(seed=2, epochs=2, time_limit_seconds=1.5, grid_outputs=(b"", b"\x00\xff")),
        make_record(seed=3, epochs=2, train_loss=(inf, 5e-324), validation_loss=(-0.0, 1e308)),
    ]


def table_of(records: list[Record]) -> pa.Table:
    return pa.Table.from_pylist([record.to_row() for record in records], schema=SCHEMA)


def test_records_come_back_as_they_were(records: list[Record]) -> None:
    found = list(records_in(table_of(records)))
    assert found == records
    for one, other in zip(found, records, strict=True):
        kinds = {name: type(value) for name, value in asdict(one).items()}
        assert kinds == {name: type(value) for name, value in asdict(other).items()}
    assert {type(epoch) for record in found for epoch in record.measured_epochs} == {int}
    assert {type(loss) for record in found for loss in record.train_loss} == {float}


def test_values_that_are_not_a_number_come_back(make_record: Make) -> None:
    (found,) = records_in(table_of([make_record(epochs=2, train_loss=(nan, 1.0))]))
    assert str(found.train_loss) == "(nan, 1.0)"


def test_a_table_in_pieces_is_read_as_one(records: list[Record]) -> None:
    table = table_of(records)
    assert list(records_in(pa.concat_tables([table.slice(2), table.slice(1, 1), table.slice(0, 0)]))) == [
        records[2],
        records[3],
        records[1],
    ]


@pytest.mark.parametrize("wanted", [(), (0,), (1, 3), (0, 1, 2, 3)])
def test_records_of_some_keys(records: list[Record], wanted: tuple[int, ...]) -> None:
    keys = {records[number].key for number in wanted}
    assert list(records_in(table_of(records), keys | {"another"})) == [records[number] for number in wanted]


def test_columns_that_were_not_read_keep_their_defaults(records: list[Record]) -> None:
    found = list(records_in(table_of(records).drop_columns(["validation_outputs", "host", "train_loss"])))
    assert found == [replace(record, validation_outputs=(), host="", train_loss=()) for record in records]


def test_reading_imports_no_library_of_statistics(ledger: Ledger, records: list[Record]) -> None:
    for record in records:
        ledger.write(record)
    ledger.compact(at_least=1)
    code = (
        "import sys, tune_jobs.standing.standing\n"
        "from tune_jobs.ledger.ledger import Ledger\n"
        "from tune_jobs.storage.storage import Storage\n"
        f"ledger = Ledger.open(Storage.at({ledger.storage.uri!r}))\n"
        f"print(len(ledger.read().records), len(ledger.read(keys={{{records[0].key!r}}}).records), "
        "[name for name in ('pandas', 'scipy.stats', 'torch', 'ray') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "4 1 []\n"
