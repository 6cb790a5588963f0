"""From a study to its rows, and from rows and seeds to the distinct trials that they read."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.errors import ConfigError, UserError
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.model import FRESH_PATH, PATH, SPLITS, Level, Study, Table
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trajectory, trial_key
from tune_jobs.trial.trial import Trial

# Seeds from here on choose nothing: what was chosen with others is estimated again with them.
FIRST_FRESH_SEED = 100_000


@dataclass(frozen=True)
class Row:
    """One row of a table: the configuration whose replicates it shows.

    Attributes:
        table: its table's name, a final configuration's or a stage's, `PATH` or `FRESH_PATH`.
        labels: one for each factor.
        config: with seed 0; None for a cell that cannot be built.
        reason: why it cannot be built.
        is_default: whether it is the table's own base.
        read: "last" or "best" epoch.
        epochs: how far the row reads its trajectory: those of the configuration, or a fraction of them.
        moves: fields that each replicate moves by its seed, so that it has data of its own.
        seeds: the row's own replicates, and nothing else; None for those of the study.
        more: how many replicates the row has from so many of the study on (the second number), where it has more.
        select: "metric" or "loss": what the row is chosen by, where there is a choice.
        sets: what the row changes of what it starts from.
    """

    table: str
    labels: tuple[str, ...]
    config: TrialConfig | None
    reason: str = ""
    is_default: bool = False
    read: str = "last"
    epochs: int = 0
    moves: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    more: tuple[int, int] = (0, 0)
    select: str = "metric"
    sets: Mapping[str, Any] = field(default_factory=dict, compare=False)


def expand(study: Study, chosen: Sequence[Mapping[str, Any]] = ()) -> list[Row]:
    """Return the rows of every table in order, then those of the stages, of their path and of final configurations.

    Args:
        study: to expand.
        chosen: the fields that each stage so far has settled on, in order; the stage after them is the last
            whose rows are known (see `tune_jobs.standing.stages`).

    Raises:
        UserError: a configuration that cannot be trained. A cell of a crossed table that cannot be built is
            a row with its reason instead.
    """
    rows = []
    for table in study.tables:
        own = list(_table_rows(study, table, f"tables.{table.name}"))
        _check_figures(study, table, own)
        _check_effect(study, table, own)
        rows += own
    for index, stage in enumerate(study.stages[: len(chosen) + 1]):
        own = list(_table_rows(study, stage, f"stages.{stage.name}", *chosen[:index]))
        _check_select(study, stage, own)
        rows += own
    rows += _path_rows(study, chosen)
    if study.search is not None:
        # Nothing of a table; it says which data the search reads.
        rows.append(Row("search", (), _feasible(study, "search", study.search.base), seeds=()))
    for final in study.finals:
        rows += [dataclasses.replace(row, is_default=False) for row in _table_rows(study, final, final.name)]
    return rows


def _check_effect(study: Study, table: Table, rows: Sequence[Row]) -> None:
    """Raise for a table whose levels all train the same thing, since nothing reads what they set."""
    built = [row for row in rows if row.config is not None]
    if len(built) < 2 or len({row.read for row in built}) > 1:
        return
    first = built[0].config
    if first is None or not all(row.config is not None and _same_row(row.config, first) for row in built):
        return
    names = sorted({name for level in table.levels for name in level.values})
    raise UserError(
        f"{study.source}, tables.{table.name}: its levels train the same thing: neither network {first.network} nor "
        f"anything else here reads {', '.join(names)}; vary what is read"
    )


def _check_select(study: Study, stage: Table, rows: Sequence[Row]) -> None:
    """Raise for a stage that would choose by losses on different scales."""
    transforms = {row.config.target_transform for row in rows if row.config is not None}
    if stage.showing.select == "loss" and len(transforms) > 1:
        raise UserError(
            f"{study.source}, stages.{stage.name}: select: loss cannot choose between levels of target_transform, "
            "whose losses are on different scales; write select: metric"
        )


def _check_figures(study: Study, table: Table, rows: Sequence[Row]) -> None:
    """Raise for a figure that the table itself asks for and that can show none of its rows."""
    configs = [row.config for row in rows if row.config is not None]
    if table.showing.figures == study.showing.figures or not configs:
        return
    for name in table.showing.figures:
        figure = FIGURES[name]
        if figure.need is not None and not figure.suits(configs):
            words = figure.need.words
            raise UserError(f"{study.source}, tables.{table.name}: figures: {name} needs {words}; leave it out")


def path_labels(study: Study) -> list[str]:
    """Return what the points of the stages' path are called: the start, then each stage."""
    return ["Start", *(stage.title for stage in study.stages)] if study.stages else []


def _path_rows(study: Study, chosen: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    fresh = tuple(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + study.fresh_seeds))
    for name, seeds in ((PATH, None), (FRESH_PATH, fresh)):
        for count, label in enumerate(path_labels(study)[: len(chosen) + 1]):
            level = Level((label,), {})
            table = Table(name, "", ("Stage",), (level,), {}, study.showing)
            rows = _table_rows(study, table, "stages", *chosen[:count])
            for row in rows:
                # Fresh replicates also get validation rows that chose nothing.
                moves = row.moves if seeds is None or row.moves else SPLITS["validation"]
                yield dataclasses.replace(row, seeds=seeds, is_default=False, moves=moves)


def _table_rows(study: Study, table: Table, place: str, *chosen: Mapping[str, Any]) -> Iterator[Row]:
    base = _feasible(study, place, *chosen, table.base)
    moves = SPLITS[table.showing.splits]
    for level in table.levels:
        where = place if len(table.levels) == 1 else f"{place}, level {', '.join(level.labels)}"
        row = Row(
            table.name,
            level.labels,
            None,
            read=level.read or table.showing.read,
            moves=moves,
            select=table.showing.select,
            more=(table.showing.seeds, study.seeds),
            sets={**table.base, **level.base, **level.values},
        )
        try:
            config = _feasible(study, where, *chosen, table.base, level.base, level.values)
        except UserError as error:
            if not table.crossed:
                raise
            yield dataclasses.replace(row, reason=str(error.__cause__ or error))
            continue
        for name in moves:
            if name != "split_seed" and name not in config.dataset_info.reads:
                raise UserError(
                    f"{study.source}, {place}: splits: outer draws test parts anew, and {config.dataset} has one "
                    "of its own; give validation or fixed"
                )
        is_default = not level.base and row.read == table.showing.read and _same_row(config, base)
        epochs = math.ceil(round(study.fraction * config.epochs, 6))
        yield dataclasses.replace(row, config=config, is_default=is_default, epochs=epochs)


def replicate(row: Row, seed: int) -> TrialConfig:
    """Return the configuration of one replicate of a row: its seed, and the data that it moves to.

    Raises:
        ValueError: the row cannot be built.
    """
    if row.config is None:
        raise ValueError(f"row {row.labels} of table {row.table} has no trial: {row.reason}")
    moved = {name: getattr(row.config, name) + seed for name in row.moves}
    return row.config.replace(seed=seed, **moved)


def replicates(row: Row, seeds: Sequence[int]) -> Sequence[int]:
    """Return the seeds of a row's replicates: its own, or those of the study.

    A table with more replicates than the study has them unless fewer were asked for than the study declares.
    """
    if row.seeds is not None:
        return row.seeds
    more, least = row.more
    return range(more) if least <= len(seeds) < more else seeds


def _feasible(study: Study, place: str, *layers: Mapping[str, Any]) -> TrialConfig:
    try:
        config = study.config(*layers)
        check_feasible(config)
    except ConfigError as error:
        raise UserError(f"{study.source}, {place}: {error}") from error
    return config


def _same_row(one: TrialConfig, other: TrialConfig) -> bool:
    return (
        trajectory(one) == trajectory(other)
        and one.epochs == other.epochs
        and one.early_stopping_patience == other.early_stopping_patience
    )


def datasets_read(rows: Sequence[Row], seeds: Sequence[int]) -> dict[str, TrialConfig]:
    """Return the data that rows read, by `data_id`, each with a configuration that reads it."""
    configs = [replicate(row, seed) for row in rows for seed in replicates(row, seeds) if row.config is not None]
    configs += [row.config for row in rows if row.seeds == () and row.config is not None]
    return {data_id(config): config for config in configs}


def required_trials(rows: Sequence[Row], seeds: Sequence[int], fingerprints: Mapping[str, str]) -> list[Trial]:
    """Return the distinct trials that the rows read, in the order in which the rows first read them.

    Rows that differ in `epochs` or early stopping alone read one trajectory; it must go as far as the longest of
    them, and stops early only if all of them do.

    Args:
        rows: of `expand`.
        seeds: the replicates of every row.
        fingerprints: of the data, by `data_id`.
    """
    trials: dict[str, Trial] = {}
    pairs = [(seed, row) for row in rows if row.config is not None for seed in replicates(row, seeds)]
    for seed, row in sorted(pairs, key=lambda pair: pair[0]):
        trial = row_trial(row, seed, fingerprints)
        trials[trial.key] = _merged(trials[trial.key], trial) if trial.key in trials else trial
    return list(trials.values())


def row_trial(row: Row, seed: int, fingerprints: Mapping[str, str]) -> Trial:
    """Return the trial that one replicate of a row reads.

    Raises:
        ValueError: the row cannot be built.
    """
    config = replicate(row, seed)
    return Trial(
        key=trial_key(config, fingerprints[data_id(config)]),
        config=config,
        epochs=row.epochs,
        measure_at=frozenset({row.epochs}),
        measure_improvements=row.read == "best",
    )


def _merged(one: Trial, other: Trial) -> Trial:
    longer = max(one, other, key=lambda trial: trial.epochs)
    patiences = one.config.early_stopping_patience, other.config.early_stopping_patience
    patience = max(patiences) if all(patiences) else 0
    return dataclasses.replace(
        longer,
        config=longer.config.replace(early_stopping_patience=patience),
        stops=(one.stops | other.stops | set(patiences)) - {0, patience},
        measure_at=one.measure_at | other.measure_at,
        measure_improvements=one.measure_improvements or other.measure_improvements,
    )
