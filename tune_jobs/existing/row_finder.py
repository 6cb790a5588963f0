"""Which rows of a study a run from elsewhere is, by its settings and its seed."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from tune_jobs.existing.runs import Run, Value, plain
from tune_jobs.existing.study_columns import SPLIT_SEED, told
from tune_jobs.standing.replicates import Replicate
from tune_jobs.study.limits import MOST_REPLICATES
from tune_jobs.study.rows import Row, row_trial

# Numbers that went through single precision are still the same.
_SAME = 1e-7


class NotTakenError(Exception):
    """Why a run is no record of a study."""


class RowFinder:
    """Finds the rows of runs.

    Args:
        places: of each field among a run's settings, by name.
        rows: of the study, as far as they are known.
        fingerprints: of its data, by `data_id`.
    """

    def __init__(self, places: Mapping[str, int], rows: Sequence[Row], fingerprints: Mapping[str, str]) -> None:
        self._places = places
        self._rows = rows
        self._fingerprints = fingerprints
        self._found: dict[tuple[Value, ...], list[Row]] = {}

    def replicates(self, run: Run) -> list[Replicate]:
        """The replicates of rows that a run is: all of one trial.

        Raises:
            NotTakenError: it is of no row, or of several trials.
        """
        seed = _seed(run.seed[0])
        if seed is None:
            raise NotTakenError(f"its seed {run.seed[0]} is not a whole number from 0 on")
        matching = self._matching_rows(run)
        if not matching:
            raise NotTakenError(self._why_no_row(run))
        rows = [row for row in matching if seed in (range(MOST_REPLICATES) if row.seeds is None else row.seeds)]
        if not rows:
            raise NotTakenError(f"its seed is none that the study gives its row ({_seeds_in_words(matching)})")
        found = [Replicate(row, seed, row_trial(row, seed, self._fingerprints)) for row in rows]
        if SPLIT_SEED in self._places:
            split = run.settings[self._places[SPLIT_SEED]]
            found = [one for one in found if equal(one.config.split_seed, split)]
            if not found:
                raise NotTakenError("has another split_seed than the study gives this row and seed")
        if len({one.key for one in found}) > 1:
            raise NotTakenError(
                "fits several trials of the study: a column of split_seed, or of a field where they differ, says which"
            )
        return found

    def _matching_rows(self, run: Run) -> list[Row]:
        if run.settings not in self._found:
            cells = {name: run.settings[place] for name, place in self._places.items() if name != SPLIT_SEED}
            self._found[run.settings] = [row for row in self._rows if _fits(row, cells)]
        return self._found[run.settings]

    def _why_no_row(self, run: Run) -> str:
        """Name the values that no row has, if there are any."""
        cells = {name: run.settings[place] for name, place in self._places.items() if name != SPLIT_SEED}
        alone = [
            f"{name.removeprefix('trainer.')} = {cell}"
            for name, cell in cells.items()
            if not any(_fits(row, {name: cell}) for row in self._rows)
        ]
        return "fits no row of the study" + (f", which has none of {', '.join(alone)}" if alone else "")


def _seeds_in_words(rows: Sequence[Row]) -> str:
    """The seeds that rows may have, as "0 to 9,999 or 1,000,000 to 1,000,004"."""
    spans = {(one[0], one[-1]) for one in (row.seeds or range(MOST_REPLICATES) for row in rows)}
    return " or ".join(f"{first:,} to {last:,}" if first < last else f"{first:,}" for first, last in sorted(spans))


def _seed(cell: Value) -> int | None:
    """The seed in a cell, which is text if another cell of its column is; None if it is no seed."""
    try:
        number = float("nan" if isinstance(cell, bool) else str(cell))
    except ValueError:
        return None
    return int(number) if number >= 0 and number.is_integer() else None


def _fits(row: Row, cells: Mapping[str, Value]) -> bool:
    if row.config is None or not row.config.trainer:
        return False
    values = told(row.config)
    return all(name not in values or equal(values[name], cell) for name, cell in cells.items())


def equal(value: Any, cell: Value) -> bool:
    """Whether a cell holds the value of a field."""
    if isinstance(value, bool):
        return str(cell).strip().lower() in (("true", "1", "1.0", "yes") if value else ("false", "0", "0.0", "no"))
    if isinstance(value, int) and isinstance(cell, int) and not isinstance(cell, bool):
        return value == cell
    if isinstance(value, int | float):
        try:
            number = float(str(cell))
        except ValueError:
            return False
        return not isinstance(cell, bool) and isclose(number, value, rel_tol=_SAME)
    if value is None or cell is None:
        return str(cell).lower() in ("", "none", "null") and str(value) in ("", "None", "null")
    return str(plain(value)) == str(cell)
