"""CSV that a spreadsheet opens as it is: what looks like a formula is text, and a number stays a number."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from numbers import Number

import numpy as np
import pandas as pd

# What a spreadsheet takes for the beginning of a formula, also where spaces come first.
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = r"[+-]?(\d[\d,]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?%?"
# A number, alone or as the tables write it: with its half-width or interval, and with words.
_NUMBERS = re.compile(rf"{_NUMBER}( ± {_NUMBER}| \({_NUMBER} to {_NUMBER}\))?( [a-z][a-z ]*)?(, [a-z0-9 ,]*)?")


def shielded(cell: object) -> object:
    """Put an apostrophe before text that a spreadsheet would run as a formula; all else stays as it is.

    What is neither text nor a number, such as a list, is taken as the text that it is written as.
    """
    if cell is None or isinstance(cell, Number):
        return cell
    text = str(cell)
    return _with_newlines(f"'{text}" if _FORMULA.match(text) and not _NUMBERS.fullmatch(text) else cell)


def _with_newlines(cell: object) -> object:
    """Make a carriage return in a text a newline: writers leave it bare, and readers end the row there."""
    return re.sub("\r\n?", "\n", str(cell)) if cell is not None and "\r" in str(cell) else cell


def csv_text(rows: Iterable[Sequence[object]], *, safe: bool = True) -> str:
    """Write lines of cells as CSV.

    Args:
        rows: the headings first.
        safe: shield what looks like a formula; False for numbers that are read again.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([shielded(cell) if safe else _with_newlines(cell) for cell in row] for row in rows)
    return stream.getvalue()


def frame_csv(frame: pd.DataFrame) -> str:
    """Write a frame as CSV."""
    safe = frame.copy(deep=False)
    for name, kind in frame.dtypes.items():
        # Numbers cannot be formulas; text, categories, lists and whatever else there is can.
        if not isinstance(kind, np.dtype) or kind.kind not in "biuf":
            safe[name] = pd.Series([shielded(cell) for cell in frame[name]], index=frame.index, dtype=object)
    return safe.rename(columns=shielded).to_csv(index=False, lineterminator="\n")
