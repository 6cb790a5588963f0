"""Records as Parquet files."""

import io
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tune_jobs.errors import UserError, first_line
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.schema import SCHEMA
from tune_jobs.storage.storage import Storage

# Columns that every file has; the others, which have defaults in a record, were added later.
_NEEDED = {field.name for field in fields(Record) if field.default is MISSING and field.default_factory is MISSING}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CutFileError(UserError):
    """A file that is cut or damaged."""


def to_parquet(records: Iterable[Record]) -> bytes:
    """Encode records as a file of the ledger."""
    table = pa.Table.from_pylist([record.to_row() for record in records], schema=SCHEMA)
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def read_table(
    storage: Storage, *parts: str, columns: Sequence[str], in_one_request: bool, keys: Set[str] | None = None
) -> pa.Table:
    """Read columns of a file of records.

    Args:
        storage: that holds it.
        parts: of its path.
        columns: to read; those that the file lacks are left out.
        in_one_request: whether to read the whole file: finding and reading its columns would take several requests.
        keys: of the trials that are wanted; a file without them gives no rows. None for all.

    Raises:
        FileNotFoundError: there is no such file.
        CutFileError: it is cut or damaged.
        StorageError: it cannot be read, whatever it holds.
    """

    def read(stream: Any) -> pa.Table:
        file = pq.ParquetFile(stream, pre_buffer=storage.is_s3)
        # The keys alone are read in a fraction of the time, and most files have none of a few.
        if keys is not None and len(keys) < file.metadata.num_rows:
            held = file.read(columns=["key"], use_threads=False).column("key").to_pylist()
            if keys.isdisjoint(held):
                names = [name for name in columns if name in file.schema_arrow.names]
                return file.schema_arrow.empty_table().select(names)
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


def records_in(table: pa.Table, keys: Set[str] | None = None) -> Iterator[Record]:
    """Make the records of a table, or those of some keys; columns that the table lacks keep their defaults."""
    wanted = [keys is None or key in keys for key in table.column("key").to_pylist()]
    if not all(wanted):
        table = table.filter(_mask(wanted))
    texts: dict[str, str] = {}
    names, columns = table.column_names, [_python_values(column, texts) for column in table.columns]
    for values in zip(*columns, strict=True):
        yield Record(**dict(zip(names, values, strict=True)))


def _mask(wanted: Sequence[bool]) -> pa.BooleanArray:
    # `pa.array` would import pandas, which takes longer than all else in a command that reads a few records.
    bits = np.packbits(wanted, bitorder="little")
    return pa.BooleanArray.from_buffers(pa.bool_(), len(wanted), [None, pa.py_buffer(bits)])


def _python_values(column: pa.ChunkedArray, texts: dict[str, str]) -> list[Any]:
    """Convert a column as `to_pylist` does, with tuples in place of lists, but many times faster and without pandas.

    Args:
        column: to convert.
        texts: those met before; most are the same in many records, which then share one copy.
    """
    if pa.types.is_string(column.type):
        return [texts.setdefault(text, text) for text in column.to_pylist()]
    if pa.types.is_list(column.type) and not column.null_count:
        return [values for chunk in column.chunks for values in _tuples(chunk)]
    if pa.types.is_timestamp(column.type) and not column.null_count:
        microseconds = [value for chunk in column.chunks for value in _numbers(chunk.view(pa.int64()))]
        return [_EPOCH + timedelta(microseconds=count) for count in microseconds]
    return [tuple(value) if isinstance(value, list) else value for value in column.to_pylist()]


def _tuples(lists: pa.ListArray) -> list[tuple[Any, ...]]:
    values = lists.values
    flat = _numbers(values) if pa.types.is_primitive(values.type) and not values.null_count else values.to_pylist()
    return [tuple(flat[first:last]) for first, last in pairwise(_numbers(lists.offsets))]


def _numbers(values: pa.Array) -> list[Any]:
    found: list[Any] = np.from_dlpack(values).tolist()
    return found
