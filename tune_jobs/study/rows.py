"""The rows of a study's tables, and the distinct trials that rows and seeds read."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.version import SINGLE, STACKED
from tune_jobs.errors import ConfigError, UserError
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.model import FRESH_PATH, PATH, SPLITS, Level, Study, Table
from tune_jobs.study.places import put_in_study
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id, validation_rows
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trajectory, trial_key
from tune_jobs.trial.metrics import VALIDATION_LOSS
from tune_jobs.trial.trial import Trial

# Seeds from here on never choose anything; they estimate again what other seeds chose.
FIRST_FRESH_SEED = 100_000


@dataclass(frozen=True)
class Row:
    """One row of a table: the configuration whose replicates it shows.

    Attributes:
        table: name of the table, stage or final configuration, `PATH` or `FRESH_PATH`.
        labels: one for each factor.
        config: with seed 0; None for a cell that cannot be built.
        reason: why it cannot be built.
        is_default: whether it is the base of the table.
        read: "last" or "best" epoch.
        epochs: the epoch at which the row reads its trials: the last of the configuration, or a fraction of that.
        moves: fields that each replicate shifts by its seed to draw its data anew.
        seeds: the replicates, if they are not those of the study.
        more: (n, m): the row has n replicates if the study runs m or more, and as many as the study otherwise.
        select: "metric" or "loss", by which the row is chosen, if there is a choice.
        sets: the fields that the row changes.
        mode: how its trials are trained; see `Study.modes`.
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
    mode: str = SINGLE

    @property
    def stacked(self) -> bool:
        """Whether its trials are members of stacks."""
        return self.mode == STACKED


def expand(study: Study, chosen: Sequence[Mapping[str, Any]] = ()) -> list[Row]:
    """List the rows of every table in order, then of the stages, of their path and of the final configurations.

    Args:
        study: to expand.
        chosen: the fields that each finished stage has settled on, in order. The next stage is the last whose rows
            are known (see `tune_jobs.standing.stages`).

    Raises:
        UserError: a configuration that cannot be trained. In a crossed table it is a row with a reason instead.
    """
    rows = []
    for table in study.tables:
        table_rows = list(_table_rows(study, table, f"tables.{table.name}"))
        _check_figures(study, table, table_rows)
        _check_effect(study, table, table_rows)
        rows += table_rows
    for index, stage in enumerate(study.stages[: len(chosen) + 1]):
        stage_rows = list(_table_rows(study, stage, f"stages.{stage.name}", *chosen[:index]))
        _check_select(study, stage, stage_rows)
        rows += stage_rows
    rows += _path_rows(study, chosen)
    if study.search is not None:
        # A row of no table: it only says which data the search reads.
        config = _feasible(study, "search", study.search.base)
        _check_loss(study, "search", study.search.select, config)
        rows.append(Row("search", (), config, seeds=()))
    for final in study.finals:
        rows += [dataclasses.replace(row, is_default=False) for row in _table_rows(study, final, final.name)]
    return rows


def _check_loss(study: Study, place: str, select: str, config: TrialConfig) -> None:
    """Raise where losses are to be compared that a training function does not report."""
    if select == "loss" and config.trainer and (study.metrics is None or VALIDATION_LOSS not in study.metrics):
        raise UserError(
            f"{study.source}, {place}: select: loss compares by the validation loss, and {config.trainer} reports "
            f"none; declare {VALIDATION_LOSS} in `metrics`, or write select: metric"
        )


def _check_effect(study: Study, table: Table, rows: Sequence[Row]) -> None:
    """Raise for a table whose levels all train the same thing because nothing reads what they set."""
    built = [row for row in rows if row.config is not None]
    if len(built) < 2 or len({row.read for row in built}) > 1:
        return
    first = built[0].config
    if first is None or not all(row.config is not None and _same_row(row.config, first) for row in built):
        return
    names = sorted({name for level in table.levels for name in level.values})
    raise UserError(
        f"{study.source}, tables.{table.name}: its levels train the same thing: neither "
        f"{first.trainer or f'network {first.network}'} nor anything else here reads {', '.join(names)}; vary a field "
        "that is read"
    )


def _check_select(study: Study, stage: Table, rows: Sequence[Row]) -> None:
    """Raise for a stage that would compare losses on different scales."""
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
    """The names of the points on the path of the stages: the start, then each stage."""
    return ["Start", *(stage.title for stage in study.stages)] if study.stages else []


def _path_rows(study: Study, chosen: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for name in (PATH, FRESH_PATH):
        for count, label in enumerate(path_labels(study)[: len(chosen) + 1]):
            level = Level((label,), {})
            table = Table(name, "", ("Stage",), (level,), {}, study.showing)
            rows = _table_rows(study, table, "stages", *chosen[:count])
            for row in rows:
                path_row = dataclasses.replace(row, is_default=False)
                yield path_row if name == PATH else with_fresh_seeds(path_row, study.fresh_seeds)


def with_fresh_seeds(row: Row, count: int) -> Row:
    """Give a row replicates that chose nothing: so many seeds, each with all folds of a cross-validation."""
    folds = 0 if row.config is None else row.config.folds
    first = -(-FIRST_FRESH_SEED // (folds or 1)) * (folds or 1)  # at the first fold of a repeat
    seeds = tuple(range(first, first + count * (folds or 1)))
    # The validation rows of fresh replicates have chosen nothing either.
    return dataclasses.replace(row, seeds=seeds, moves=row.moves or SPLITS["validation"])


def _table_rows(study: Study, table: Table, place: str, *chosen: Mapping[str, Any]) -> Iterator[Row]:
    folds = table.showing.folds
    base = _feasible(study, place, *chosen, table.base, folds=folds)
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
            config = _feasible(study, where, *chosen, table.base, level.base, level.values, folds=folds)
        except UserError as error:
            if not table.crossed:
                raise
            yield dataclasses.replace(row, reason=str(error.__cause__ or error))
            continue
        _check_loss(study, place, row.select, config)
        for name in moves:
            if config.trainer and name != "split_seed":
                how = "outer draws test parts anew" if name == "outer_split" else "folds divide the rows"
                raise UserError(
                    f"{study.source}, {place}: splits: {how}, and {config.trainer} reads its data itself; use "
                    "validation or fixed"
                )
            if name == "outer_split" and name not in config.dataset_info.reads:
                raise UserError(
                    f"{study.source}, {place}: splits: outer draws test parts anew, and {config.dataset} comes with "
                    "one; use validation or fixed"
                )
        is_default = not level.base and row.read == table.showing.read and _same_row(config, base)
        epochs = math.ceil(round(study.fraction * config.epochs, 6))
        yield dataclasses.replace(
            row, config=config, is_default=is_default, epochs=epochs, mode=study.mode_of(table.name, config)
        )


def replicate(row: Row, seed: int) -> TrialConfig:
    """The configuration of one replicate of a row, with its seed and its data.

    Raises:
        ValueError: the row cannot be trained.
    """
    if row.config is None:
        raise ValueError(f"row {row.labels} of table {row.table} cannot be trained: {row.reason}")
    folds = row.config.folds
    if folds:  # each seed of the study is a repeat, with a division of its own
        return row.config.replace(seed=seed, split_seed=row.config.split_seed + seed // folds, fold=seed % folds)
    moved = {name: getattr(row.config, name) + seed for name in row.moves}
    return row.config.replace(seed=seed, **moved)


def training_overlap(row: Row) -> float:
    """How much the training parts of a row's replicates overlap: validation rows for each training row.

    0 where all replicates have the same parts, and so differ by their seeds alone; and for a training function of the
    user, which divides its rows itself.
    """
    if row.config is None or not row.moves or row.config.trainer:
        return 0.0
    held_out = validation_rows(row.config)
    return held_out / (row.config.dataset_info.development_rows - held_out)


def row_seeds(row: Row, seeds: Sequence[int]) -> Sequence[int]:
    """The seeds of a row's replicates, if the study runs with `seeds`: in a cross-validation several for each of these.

    A table that declares more replicates than its study has them unless `--seeds` asks for fewer than the study
    declares.
    """
    if row.seeds is not None:
        return row.seeds
    more, least = row.more
    repeats = range(more) if least <= len(seeds) < more else seeds
    folds = 0 if row.config is None else row.config.folds
    return range(len(repeats) * folds) if folds else repeats


def _feasible(study: Study, place: str, *layers: Mapping[str, Any], folds: int = 0) -> TrialConfig:
    try:
        config = study.config(*layers)
        if folds:
            config = config.replace(folds=folds)
        check_feasible(config)
    except ConfigError as error:
        raise UserError(f"{study.source}, {place}: {error}") from error
    except UserError as error:  # of the data
        named = [layer["dataset"] for layer in (study.base, study.overrides, *layers) if "dataset" in layer]
        put_in_study(error, study.places, named[-1] if named else TrialConfig.dataset, study.source)
        raise
    return config


def _same_row(one: TrialConfig, other: TrialConfig) -> bool:
    return (
        trajectory(one) == trajectory(other)
        and one.epochs == other.epochs
        and one.early_stopping_patience == other.early_stopping_patience
    )


def datasets_read(rows: Sequence[Row], seeds: Sequence[int]) -> dict[str, TrialConfig]:
    """The data that rows read, by `data_id`, each with a configuration that reads it."""
    found = {}
    for row in rows:
        if row.config is None:
            continue
        chosen = row_seeds(row, seeds)
        # Replicates that move nothing read the same data.
        configs = [replicate(row, seed) for seed in (chosen if row.moves else chosen[-1:])]
        for config in configs or ([row.config] if row.seeds == () else []):
            found[data_id(config)] = config
    return found


def row_trial(row: Row, seed: int, fingerprints: Mapping[str, str]) -> Trial:
    """The trial that one replicate of a row reads.

    Raises:
        ValueError: the row cannot be trained.
    """
    config = replicate(row, seed)
    return Trial(
        key=trial_key(config, fingerprints[data_id(config)], row.mode),
        config=config,
        epochs=row.epochs,
        measure_at=frozenset({row.epochs}),
        measure_improvements=row.read == "best",
        mode=row.mode,
    )
