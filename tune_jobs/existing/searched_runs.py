"""Results from elsewhere as trials of a study's search, which goes on from them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.existing import names
from tune_jobs.existing.results import Results
from tune_jobs.existing.row_finder import equal
from tune_jobs.existing.runs import Value
from tune_jobs.existing.study_columns import StudyColumns
from tune_jobs.standing.search.journal import DRAWN, Event
from tune_jobs.standing.search.state import State
from tune_jobs.standing.standing import Standing
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import SEARCH, Study
from tune_jobs.study.rows import Row, row_trial
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, full_length
from tune_jobs.study.space import Parameter

# What drew a trial that was trained elsewhere.
IMPORTED = "imported"
_SEED = "seed"


def with_seed(results: Results) -> Results:
    """Say that all runs have seed 0, as the trials of a search do, where no column says any."""
    if any(names.is_seed(str(column)) for column in results.frame.columns):
        return results
    remark = "assumed: no column is a seed, so each run is taken for seed 0"
    return replace(results, frame=results.frame.assign(**{_SEED: 0}), remarks=(*results.remarks, remark))


def default_row(study: Study) -> list[Row]:
    """What the search starts from, in which all of its fields have a name."""
    search = study.search
    return [] if search is None or search.replicates > 1 else [_row(study, search, {})]


def point_rows(study: Study, found: StudyColumns) -> list[Row]:
    """Return a row for each point of the search's space that results have; its `sets` are the point.

    Args:
        study: with a search, or without one.
        found: the columns of the results.
    """
    search = study.search
    if search is None or search.replicates > 1:
        return []
    places = {study.own.canonical(name): found.columns.settings.index(column) for name, column in found.fields.items()}
    rows = []
    for settings in dict.fromkeys(zip(*(found.columns.frame[name] for name in found.columns.settings), strict=True)):
        values = _point(search, {name: settings[place] for name, place in places.items()})
        if values is None:
            continue
        try:
            rows.append(_row(study, search, values))
        except UserError:  # no network, say, can be built of these values
            continue
    return rows


def _row(study: Study, search: Search, values: Mapping[str, Any]) -> Row:
    config = (study.config(search.base, values) if values else default_config(study, search)).replace(seed=0)
    mode, length = study.mode_of(SEARCH, config), full_length(study, search)
    return Row(
        SEARCH, (), config, read=search.read, epochs=length, seeds=(0,), select=search.select, sets=values, mode=mode
    )


def _point(search: Search, cells: Mapping[str, Value]) -> dict[str, Any] | None:
    """The point of the space that cells say; None if they say none."""
    values: dict[str, Any] = {}
    for parameter in search.space:
        if parameter.is_read(values):
            if parameter.name not in cells:
                return None
            values[parameter.name] = next(_read(parameter, cells[parameter.name]), None)
    return values if search.space.holds(values) else None


def _read(parameter: Parameter, cell: Value) -> Iterator[Any]:
    """Yield the value of a parameter that a cell says, if it can be one."""
    if parameter.choices:
        yield from (choice for choice in parameter.choices if equal(choice, cell))
        return
    try:
        number = float(str(cell))
    except ValueError:
        return
    if parameter.step is not None:
        nearest = parameter.nearest(number)
        yield from [nearest] if equal(nearest, cell) else []
    else:
        yield int(number) if parameter.integer and number.is_integer() else number


def write_drawn(standing: Standing, storage: Storage, rows: Collection[Row], keys: Collection[str]) -> int:
    """Write into the search's journal which of its trials were imported; return how many are new there.

    Args:
        standing: of the study.
        storage: of the ledger.
        rows: the points, from `point_rows`.
        keys: of the trials that were imported.

    Raises:
        StorageError: the journal cannot be written.
    """
    state = standing.search
    if state is None:
        return 0
    wanted = set(keys) - _known(state)
    new = [row for row, key in zip(rows, keys_of(rows, standing), strict=True) if key in wanted]
    if new:
        first = max(state.trials, default=-1) + 1
        events = [
            Event(DRAWN, number, state.seconds, values=dict(row.sets), source=IMPORTED)
            for number, row in enumerate(new, first)
        ]
        state.journal(storage).add(*events)
    return len(new)


def keys_of(rows: Collection[Row], standing: Standing) -> list[str]:
    """The keys of the trials of points."""
    return [row_trial(row, 0, standing.fingerprints).key for row in rows]


def _known(state: State) -> set[str]:
    """The trials that the search knows already, those of tables included."""
    return {one.trial.key for one in state.all if one.trial is not None}
