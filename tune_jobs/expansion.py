"""From a study to its rows, and from rows and seeds to the distinct trials that they read."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.config import FIELDS, TrialConfig, check_feasible, dataset_options, trajectory, trial_key
from tune_jobs.errors import ConfigError, UserError
from tune_jobs.study import FINAL, Study, Table


@dataclass(frozen=True)
class Row:
    """One row of a table: the configuration whose replicates it shows.

    Attributes:
        table: its table's name, or `FINAL`.
        labels: one for each factor.
        config: with seed 0; None for a cell that cannot be built.
        reason: why it cannot be built.
        is_default: whether it is the table's own base.
        read: "last" or "best" epoch.
    """

    table: str
    labels: tuple[str, ...]
    config: TrialConfig | None
    reason: str = ""
    is_default: bool = False
    read: str = "last"


@dataclass(frozen=True)
class Trial:
    """A trajectory that a study needs: how far, and where it must have been measured.

    Attributes:
        key: of the trajectory.
        config: with its seed, and with the epochs that its schedule counts with.
        epochs: how far it must go.
        measure_at: the epochs that rows read.
        measure_improvements: whether some row reads the best epoch.
    """

    key: str
    config: TrialConfig
    epochs: int
    measure_at: frozenset[int]
    measure_improvements: bool = False


def expand(study: Study) -> list[Row]:
    """Return the rows of every table in order, then the final configuration's.

    Raises:
        UserError: a configuration that cannot be trained. A cell of a crossed table that cannot be built is
            a row with its reason instead.
    """
    rows = [row for table in study.tables for row in _table_rows(study, table)]
    if study.final is not None:
        config = _feasible(study, "final", study.final)
        rows.append(Row(FINAL, ("Final configuration",), config, read=study.read))
    return rows


def _table_rows(study: Study, table: Table) -> Iterator[Row]:
    place = f"tables.{table.name}"
    base = _feasible(study, place, table.base)
    for level in table.levels:
        label = ", ".join(level.labels)
        try:
            config = _feasible(study, f"{place}, level {label}", table.base, level.base, level.values)
        except UserError as error:
            if not table.crossed:
                raise
            reason = str(error.__cause__ or error)
            yield Row(table.name, level.labels, None, reason, read=table.read)
            continue
        is_default = not level.base and _same_row(config, base)
        yield Row(table.name, level.labels, config, is_default=is_default, read=table.read)


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


def data_id(config: TrialConfig) -> str:
    """Return the name of the data that a configuration reads, options included: "usps", "toy(xor)"."""
    options = ",".join(str(value) for value in dataset_options(config).values())
    return f"{config.dataset}({options})" if options else config.dataset


def datasets_read(rows: Sequence[Row]) -> dict[str, TrialConfig]:
    """Return the data that rows read, by `data_id`, each with a configuration that reads it."""
    return {data_id(row.config): row.config for row in rows if row.config is not None}


def required_trials(rows: Sequence[Row], seeds: Sequence[int], fingerprints: Mapping[str, str]) -> list[Trial]:
    """Return the distinct trials that the rows read, in the order in which the rows first read them.

    Rows that differ in `epochs` alone read one trajectory; it must go as far as the longest of them.

    Args:
        rows: of `expand`.
        seeds: the replicates of every row.
        fingerprints: of the data, by `data_id`.
    """
    trials: dict[tuple[str, int], Trial] = {}
    for seed in seeds:
        for row in rows:
            if row.config is None:
                continue
            trial = row_trial(row, seed, fingerprints)
            slot = (trial.key, trial.config.early_stopping_patience)
            trials[slot] = _merged(trials[slot], trial) if slot in trials else trial
    return list(trials.values())


def row_trial(row: Row, seed: int, fingerprints: Mapping[str, str]) -> Trial:
    """Return the trial that one replicate of a row reads.

    Raises:
        ValueError: the row cannot be built.
    """
    if row.config is None:
        raise ValueError(f"row {row.labels} of table {row.table} has no trial: {row.reason}")
    config = row.config.replace(seed=seed)
    return Trial(
        key=trial_key(config, fingerprints[data_id(config)]),
        config=config,
        epochs=config.epochs,
        measure_at=frozenset({config.epochs}),
        measure_improvements=row.read == "best",
    )


def _merged(one: Trial, other: Trial) -> Trial:
    longer = max(one, other, key=lambda trial: trial.epochs)
    return dataclasses.replace(
        longer,
        measure_at=one.measure_at | other.measure_at,
        measure_improvements=one.measure_improvements or other.measure_improvements,
    )


def differences(config: TrialConfig, base: TrialConfig) -> str:
    """Return in a few words what sets a configuration apart from a base, the seed left out."""
    mine, theirs = trajectory(config), trajectory(base)
    changed = [name for name in FIELDS if name != "seed" and mine.get(name) != theirs.get(name)]
    if config.epochs != base.epochs and "epochs" not in changed:
        changed.append("epochs")
    return ", ".join(f"{name}={FIELDS[name].describe(getattr(config, name))}" for name in changed) or "default"
