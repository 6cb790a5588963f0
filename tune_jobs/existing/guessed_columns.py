"""What a column is, by its name and its values, where neither the user nor the format says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from tune_jobs.existing import names

# A column of numbers whose name says nothing is a setting if it has no more levels than this share of the runs.
_MOST_LEVELS = 0.5
# Whole numbers from here on look like seeds rather than sizes.
_LARGE_SEED = 1_000


def whole_numbers(column: "pd.Series[Any]") -> bool:
    """Whether all of a column's cells that are not empty are whole numbers."""
    present = column.dropna()
    if present.empty or pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return False
    return bool((present % 1 == 0).all())


@dataclass(frozen=True)
class ByFormat:
    """What is configured and what is measured, as far as the format or its prefixes say."""

    settings: set[str] | None
    metrics: set[str] | None


class Picker:
    """Finds columns by names that say what they are, among those that the user has not named."""

    def __init__(self, frame: pd.DataFrame, taken: Iterable[str]) -> None:
        self._frame = frame
        self._free = [str(name) for name in frame.columns if name not in set(taken)]

    def first(self, wanted: Sequence[str], fits: "Callable[[pd.Series[Any]], bool]") -> str:
        """The first of these names that a column has whose values fit; "" if there is none."""
        by_key = {"_".join(names.words_of(name)): name for name in sorted(self._free, reverse=True)}
        found = [by_key[name] for name in wanted if name in by_key]
        return next((name for name in found if fits(self._frame[name])), "")

    def time(self) -> str:
        """The column that most looks like the time of training; "" if there is none."""
        ranked = [(rank, name) for name in self._free if (rank := names.seconds_rank(name)) is not None]
        fitting = [(rank, name) for rank, name in ranked if _is_time(self._frame[name])]
        return min(fitting)[1] if fitting else ""


def counts_up(column: "pd.Series[Any]") -> bool:
    """Whether a column may count epochs."""
    return whole_numbers(column) and bool((column.dropna() >= 0).all()) and column.nunique() > 1


def is_text(column: "pd.Series[Any]") -> bool:
    """Whether a column holds text."""
    return not pd.api.types.is_numeric_dtype(column) and bool(column.notna().any())


def _is_time(column: "pd.Series[Any]") -> bool:
    if pd.api.types.is_timedelta64_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column):
        return bool(column.notna().any())
    return bool(pd.to_timedelta(column, errors="coerce").notna().sum() == column.notna().sum() > 0)


def names_runs(column: "pd.Series[Any]", frame: pd.DataFrame, epoch: str) -> bool:
    """Whether no two runs share a value: the column names them."""
    if column.isna().any():
        return False
    if not epoch:
        return bool(column.is_unique)
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() > 1:
        return not bool(frame.duplicated([str(column.name), epoch]).any())
    return False


def seed_columns(frame: pd.DataFrame, roles: set[str], known: ByFormat) -> tuple[str, ...]:
    """The columns whose names are those of seeds, as far as they vary."""
    found = [
        str(name)
        for name in frame.columns
        if name not in roles
        and names.is_seed(str(name))
        and frame[name].nunique() > 1
        and not (known.metrics and name in known.metrics)
    ]
    return tuple(sorted(found, key=str.casefold))


def metric_columns(frame: pd.DataFrame, taken: set[str], known: ByFormat) -> list[str]:
    """The columns that hold what was measured."""
    found = []
    for name in map(str, frame.columns):
        if name in taken or (known.settings and name in known.settings) or names.is_own(name):
            continue
        if not pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
            continue
        if known.metrics is not None:
            chosen = name in known.metrics or (known.settings is None and names.is_metric(name))
        else:
            chosen = names.is_metric(name)
        if chosen and names.seconds_rank(name) is None:
            found.append(name)
    return sorted(found, key=str.casefold)


def setting_columns(frame: pd.DataFrame, taken: set[str], known: ByFormat, unused: dict[str, str]) -> set[str]:
    """The columns that hold what was configured; why others are none is noted in `unused`."""
    if known.settings is not None:
        rest = {str(name) for name in frame.columns} - known.settings - taken
        unused |= {name: "no setting, by its format" for name in rest if frame[name].nunique() > 1}
        return known.settings - taken
    found = set()
    for name in map(str, frame.columns):
        if name in taken or names.is_own(name) or names.is_seed(name) or names.seconds_rank(name) is not None:
            continue
        column = frame[name]
        numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if names.is_setting(name):
            found.add(name)
        elif numbers and column.nunique() > max(2, _MOST_LEVELS * len(frame)):
            unused[name] = "numbers that hardly repeat, and a name that says nothing"
        elif not numbers and column.nunique() == len(frame) > 2:
            unused[name] = "different in every line"
        elif not pd.api.types.is_datetime64_any_dtype(column):
            found.add(name)
    return found


def counted_replicates(frame: pd.DataFrame, settings: set[str], epoch: str, known: ByFormat) -> tuple[str, ...]:
    """A column of whole numbers that is crossed with the configurations of all others, and is the name of no setting.

    Every configuration has each of its numbers once, and they count up from 0 or 1, or are large.
    """
    candidates = {str(name) for name in frame.columns if "_".join(names.words_of(str(name))) in names.MAYBE_SEED_NAMES}
    if known.settings is None:
        candidates |= {name for name in settings if not names.is_setting(name)}
    for name in sorted(candidates, key=lambda one: (one not in names.MAYBE_SEED_NAMES, one.casefold())):
        rest = sorted(settings - {name})
        levels = set(frame[name].dropna())
        if not rest or len(levels) < 2 or not whole_numbers(frame[name]) or frame[name].isna().any():
            continue
        if not (levels in (set(range(len(levels))), set(range(1, len(levels) + 1))) or min(levels) >= _LARGE_SEED):
            continue
        groups = frame.groupby(rest, dropna=False)[name]
        once = epoch or not frame.duplicated([*rest, name]).any()
        if once and len(groups) > 1 and all(set(group) == levels for _, group in groups):
            return (name,)
    return ()


def labels_of_configurations(
    frame: pd.DataFrame, settings: set[str], told: set[str], known: ByFormat, unused: dict[str, str]
) -> set[str]:
    """Columns that only follow from others: the name of a configuration, or its number of parameters."""
    if known.settings is not None:
        return set()
    varied = {name for name in settings if frame[name].nunique(dropna=False) > 1}
    found: set[str] = set()
    for name in sorted(varied - told):
        rest = sorted(varied - found - {name})
        cause = () if names.is_setting(name) else _followed(frame, name, rest)
        if cause:
            unused[name] = f"follows from {' and '.join(cause)}" if len(cause) < 3 else "names the configurations"
            found.add(name)
    return found


def _followed(frame: pd.DataFrame, name: str, rest: Sequence[str]) -> tuple[str, ...]:
    """The few columns that decide a column's value; all of the rest where each configuration has a value of its own."""
    configurations = len(frame.drop_duplicates(list(rest)))
    if len(rest) < 2 or configurations < 2:
        return ()
    if frame[name].nunique(dropna=False) == configurations == len(frame.drop_duplicates([*rest, name])):
        return tuple(rest) if len(rest) > 2 else (*rest, "")
    for size in (1, 2):
        for few in combinations(rest, size):
            groups = frame.groupby(list(few), dropna=False)[name]
            if len(groups) < configurations and bool((groups.nunique(dropna=False) == 1).all()):
                return few
    return ()
