"""Records as Parquet files."""

import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tune_jobs.errors import UserError, first_line
from tune_jobs.ledger.record import SCHEMA, Record
from tune_jobs.storage.storage import Storage

# Everything that has no default in a record; other columns are younger than the oldest ledgers.
_NEEDED = {field.name for field in fields(Record) if field.default is MISSING and field.default_factory is MISSING}


class CutFileError(UserError):
    """A file that is cut or damaged."""


def to_parquet(records: Iterable[Record]) -> bytes:
    """Encode records as a file of the ledger."""
    table = pa.Table.from_pylist([record.to_row() for record in records], schema=SCHEMA)
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def read_table(storage: Storage, *parts: str, columns: Sequence[str], in_one_request: bool) -> pa.Table:
    """Read columns of a file of records.

    Args:
        storage: that holds it.
        parts: of its path.
        columns: to read; those that the file lacks are left out.
        in_one_request: whether to read the whole file: finding and reading its columns would take several requests.

    Raises:
        FileNotFoundError: there is no such file.
        CutFileError: it is cut or damaged.
        StorageError: it cannot be read, whatever it holds.
    """

    def read(stream: Any) -> pa.Table:
        file = pq.ParquetFile(stream, pre_buffer=storage.is_s3)
        return file.read(columns=list(columns), use_threads=False)

    try:
        table = read(pa.BufferReader(storage.read(*parts))) if in_one_request else storage.opened(read, *parts)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        raise CutFileError(first_line(error)) from error
    lacking = (_NEEDED & set(columns)) - set(table.column_names)
    if lacking or any(found.type != SCHEMA.field(found.name).type for found in table.schema):
        raise CutFileError(f"it holds no trials: {', '.join(sorted(lacking)) or 'a column'} is not as it must be")
    return table


def records_in(table: pa.Table, keys: Collection[str] | None = None) -> Iterator[Record]:
    """Make the records of a table, or those of some keys."""
    if keys is not None:
        table = table.filter(pc.is_in(table.column("key"), pa.array(sorted(keys), pa.string())))
    for row in table.to_pylist():
        yield Record.from_row(row)
