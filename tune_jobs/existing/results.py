"""Results as they were read: one frame, and what its format says of the columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

MAX, MIN = "max", "min"
GOALS = (MAX, MIN)


@dataclass(frozen=True, eq=False)
class Results:
    """What a reader found, before anybody looked at what the columns mean.

    Attributes:
        place: where it was read, without credentials.
        form: what it is, in words: "a CSV file".
        frame: a line for each run, or for each epoch of each run.
        settings: the columns that the format says are configuration; None where it does not say.
        metrics: the columns that the format says are measured; None where it does not say.
        run: the column that names the run; "" where there is none.
        epoch: the column that counts epochs; "" where it must be found by looking.
        seconds: the column of the training time; "" where it must be found by looking.
        status: the column that says how a run ended; "" where it must be found by looking.
        goals: "max" or "min" by metric, where the format says.
        remarks: sentences about what was passed over.
    """

    place: str
    form: str
    frame: pd.DataFrame
    settings: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    run: str = ""
    epoch: str = ""
    seconds: str = ""
    status: str = ""
    goals: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def flat(values: Mapping[str, Any], separator: str = "/") -> dict[str, Any]:
    """Flatten nested mappings: {"a": {"b": 1}} becomes {"a/b": 1}. Lists become text."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= {f"{name}{separator}{inner}": leaf for inner, leaf in flat(value, separator).items()}
        else:
            found[str(name)] = value if _is_scalar(value) else str(value)
    return found


def frame_of(lines: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a frame of lines whose keys may differ; numbers written as text become numbers."""
    frame = pd.DataFrame(list(lines))
    return frame.apply(numbers_where_all_are)


def numbers_where_all_are(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Turn a column of text into numbers if each cell that is not empty is one."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    present = column.dropna()
    if present.empty or present.map(lambda cell: isinstance(cell, bool)).any():
        return column
    numbers = pd.to_numeric(present, errors="coerce")
    written = present.map(lambda cell: str(cell).strip().lower() in ("nan", "inf", "-inf", "infinity", "-infinity"))
    if (numbers.isna() & ~written).any():
        return column
    whole = bool((numbers % 1 == 0).all()) and len(present) == len(column)
    made: pd.Series[Any] = pd.to_numeric(column, errors="coerce")
    return made.astype("int64") if whole else made.astype("float64")


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
