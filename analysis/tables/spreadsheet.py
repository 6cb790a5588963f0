"""CSV that a spreadsheet opens as it is: what looks like a formula is text, and a number stays a number."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

import pandas as pd

# What a spreadsheet takes for the beginning of a formula, also where spaces come first.
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = r"[+-]?(\d[\d,]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?%?"
# A number, alone or as the tables write it: with its half-width or interval, and with words.
_NUMBERS = re.compile(rf"{_NUMBER}( ± {_NUMBER}| \({_NUMBER} to {_NUMBER}\))?( [a-z][a-z ]*)?(, [a-z0-9 ,]*)?")


def shielded(cell: object) -> object:
    """Put an apostrophe before text that a spreadsheet would run as a formula; all else stays as it is."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBERS.fullmatch(cell):
        return cell
    return f"'{cell}"


def csv_text(rows: Iterable[Sequence[object]], *, safe: bool = True) -> str:
    """Write lines of cells as CSV.

    Args:
        rows: the headings first.
        safe: shield what looks like a formula; False for numbers that are read again.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([shielded(cell) for cell in row] if safe else row for row in rows)
    return stream.getvalue()


def frame_csv(frame: pd.DataFrame) -> str:
    """Write a frame as CSV."""
    safe = frame.copy(deep=False)
    for name in frame.select_dtypes(["object", "string"]).columns:
        known = {value: shielded(value) for value in frame[name].unique() if isinstance(value, str)}
        if any(value != text for value, text in known.items()):
            safe[name] = frame[name].map(lambda value, known=known: known.get(value, value))
    return safe.rename(columns=shielded).to_csv(index=False, lineterminator="\n")
