"""Tables of results: CSV, Parquet, JSON lines, and pandas frames of the user's."""

import ast
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from data_utils.columns import column_of_cells
from data_utils.separators import UnusableTableError, find_separator
from tune_jobs.errors import UserError, first_line
from tune_jobs.existing.results import Results, flat, numbers_where_all_are

# Columns of mappings as text, as a script that asks a tracker for its runs writes them.
_MAPPINGS = ("config", "summary", "params", "metrics")
# A first column without a name: where a frame was written with its index.
_UNNAMED = "Unnamed: 0"


def read_csv(place: str, content: bytes) -> Results:
    """Read a CSV file, whatever separates its cells.

    Raises:
        UserError: it is not CSV, or has no lines.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        separator = find_separator(text)
    except UnusableTableError as error:
        raise UserError(f"{place}: {error}") from error
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, low_memory=False)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{place}: is not a CSV file with a header ({first_line(error)}); give one") from error
    return results_of(place, "a CSV file", _with_decimal_commas_read(frame))


def read_parquet(place: str, content: bytes) -> Results:
    """Read a Parquet file.

    Raises:
        UserError: it is not an intact Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(io.BytesIO(content)).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{place}: is not an intact Parquet file ({first_line(error)}); write it anew") from error
    return results_of(place, "a Parquet file", frame)


def read_json_lines(place: str, content: bytes) -> Results:
    """Read a file with a JSON object in each line, or with one list of objects.

    Raises:
        UserError: it is neither.
    """
    lines: list[Any] = []
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("["):
            lines = json.loads(text)
        else:
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        where = f"line {len(lines) + 1}: " if lines else ""
        raise UserError(f"{place}: {where}is not JSON ({first_line(error)}); give one JSON object a line") from error
    if not all(isinstance(line, Mapping) for line in lines):
        raise UserError(f"{place}: has a line that is not a JSON object; give one object a line, a run each")
    return results_of(place, "a file of JSON lines", pd.DataFrame([flat(line) for line in lines]))


def results_of(place: str, form: str, frame: pd.DataFrame) -> Results:
    """Take a frame as results.

    Raises:
        UserError: it has no lines, or two columns of one name.
    """
    frame = frame.copy()
    names = ["/".join(map(str, name)) if isinstance(name, tuple) else str(name).strip() for name in frame.columns]
    double = next((name for name, count in Counter(names).items() if count > 1), None)
    if double is not None:
        raise UserError(f"{place}: two columns are named {double}; give each another name")
    frame.columns = pd.Index(names)
    if not len(frame) or not names:
        raise UserError(f"{place}: has no lines; give a line for each run, or for each epoch of each run")
    remarks: tuple[str, ...] = ()
    if names[0] == _UNNAMED and frame[_UNNAMED].is_unique:
        frame = frame.drop(columns=_UNNAMED)
        remarks = ("The first column has no name and a different value in each line; it was left out.",)
    frame = _with_mappings_opened(frame).reset_index(drop=True).apply(numbers_where_all_are)
    return Results(place, form, frame, remarks=remarks)


def _with_decimal_commas_read(frame: pd.DataFrame) -> pd.DataFrame:
    """Read 2,5 as a number, by the rule for tables of a user's own; 1,234 too, if another column shows how."""
    texts = {
        name: column_of_cells([cell if isinstance(cell, str) else None for cell in frame[name]])
        for name in frame.columns
        if not pd.api.types.is_numeric_dtype(frame[name])
    }
    read = {name: column.with_decimal_commas() for name, column in texts.items()}
    if any(texts[name].texts and not column.texts for name, column in read.items()):
        read = {name: column.with_decimal_commas(sure=True) for name, column in texts.items()}
    numbers = {name: column.numbers for name, column in read.items() if texts[name].texts and not column.texts}
    return frame.assign(**{str(name): pd.Series(values, frame.index) for name, values in numbers.items()})


def _with_mappings_opened(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each key of a column of mappings, or of their text, a column: "config" becomes "config/lr", …"""
    for name in _MAPPINGS:
        if name not in frame:
            continue
        opened = [_mapping(cell) for cell in frame[name]]
        if any(one is None for one in opened):
            continue
        parts = pd.DataFrame([flat(one) for one in opened if one is not None], index=frame.index)
        parts.columns = pd.Index([f"{name}/{inner}" for inner in parts.columns])
        frame = pd.concat([frame.drop(columns=name), parts.loc[:, ~parts.columns.isin(frame.columns)]], axis=1)
    return frame


def _mapping(cell: Any) -> Mapping[str, Any] | None:
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or not cell.lstrip().startswith("{"):
        return None
    parsers: tuple[Callable[[str], Any], ...] = (json.loads, ast.literal_eval)
    for parse in parsers:
        try:
            value = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value if isinstance(value, Mapping) else None
    return None
