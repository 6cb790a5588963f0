"""Records as Parquet files."""

import io
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import MISSING, fields
from itertools import pairwise
from typing import Any

import pyarrow as pa
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


def records_in(table: pa.Table, keys: Set[str] | None = None) -> Iterator[Record]:
    """Make the records of a table, or those of some keys; columns that the table lacks keep their defaults."""
    if keys is not None:
        table = table.filter(pa.array([key in keys for key in table.column("key").to_pylist()], pa.bool_()))
    names, columns = table.column_names, [_python_values(column) for column in table.columns]
    for values in zip(*columns, strict=True):
        yield Record(**dict(zip(names, values, strict=True)))


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """Convert a column as `to_pylist` does, with tuples in place of lists, but many times faster."""
    if pa.types.is_string(column.type):
        # Most texts are the same in many records, which then share one.
        return [text for chunk in column.dictionary_encode().chunks for text in _shared(chunk)]
    if pa.types.is_list(column.type) and not column.null_count:
        return [values for chunk in column.chunks for values in _tuples(chunk)]
    return [tuple(value) if isinstance(value, list) else value for value in column.to_pylist()]


def _shared(texts: pa.DictionaryArray) -> list[str | None]:
    known = texts.dictionary.to_pylist()
    return [None if index is None else known[index] for index in texts.indices.to_pylist()]


def _tuples(lists: pa.ListArray) -> list[tuple[Any, ...]]:
    values = lists.values
    plain = pa.types.is_primitive(values.type) and not values.null_count
    flat = values.to_numpy().tolist() if plain else values.to_pylist()
    return [tuple(flat[first:last]) for first, last in pairwise(lists.offsets.to_pylist())]
