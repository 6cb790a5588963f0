"""Tidy frames of a study's rows: a line for each row and seed, and a line for each epoch of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd

from analysis.frames.curves_frame import CURVES, curve_length
from analysis.frames.outcomes import DIVERGED, OUTCOMES_WITHOUT_NUMBER
from analysis.statistics.selection import at_epochs_of_others
from tune_jobs.ledger.record import MISSING, Record
from tune_jobs.standing.replicates import Replicate
from tune_jobs.study.model import Showing
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import METRIC_SPECS, TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.metrics import declared_metric


@dataclass(frozen=True)
class ReplicateLine:
    """A line of the trials frame: what a replicate of a row shows.

    Attributes:
        position: of the row among all rows of the study.
        outcome: one of `tune_jobs.ledger.record.OUTCOMES`, or MISSING.
        reason: why there is no number.
        epoch: the epoch that is read, to which all numbers belong; None where there is none.
        epochs_done: how many epochs of the trajectory the ledger has.
        alone_seconds: training time of the same configuration by itself, for one replicate of a level that trains in
            stacks, whose train_seconds are shared; NaN if that was not measured.
        epochs_until: the first epoch whose validation metric reaches the table's target; NaN where none does.
        fair_metric: the validation metric that is compared with other rows: where the best epoch is read, that at the
            epoch which is best for the other half of the row's replicates.
        reported: what a training function reports, a metric a line; see `tune_jobs.trial.metrics.declared_metric`. The
            frame has a column for each.
        one_class: whether all predictions are the same class; None where that is not known.
        elsewhere: whether it was trained elsewhere, so that nobody knows how its data were split.
    """

    table: str
    position: int
    level: str
    is_default: bool
    seed: int
    dataset: str
    key: str
    outcome: str
    reason: str = ""
    epoch: int | None = None
    epochs_done: int = 0
    metric: str = ""
    target_unit: str = ""
    train_metric: float = nan
    train_loss: float = nan
    validation_metric: float = nan
    validation_loss: float = nan
    learning_rate: float = nan
    train_seconds: float = nan
    alone_seconds: float = nan
    epochs_until: float = nan
    fair_metric: float = nan
    one_class: bool | None = None
    host: str = ""
    device: str = ""
    machine_kind: str = ""
    code_version: str = ""
    reported: str = ""
    elsewhere: bool = False


def trials_frame(
    replicates: Sequence[Sequence[Replicate]],
    records: Mapping[str, Record],
    *,
    showings: Mapping[str, Showing],
    timed_alone: Mapping[str, Record] | None = None,
) -> pd.DataFrame:
    """Make a line for each replicate of each row; the columns are those of `ReplicateLine`.

    Args:
        replicates: of each row of the study, in order.
        records: of the ledger, by key.
        showings: how each table reads its trials, by its name; the study's default for tables not listed.
        timed_alone: records of trials that tell the time of others, by the keys of those.
    """
    alone = timed_alone or {}
    lines = [
        _line(one, position, records.get(one.key), showings.get(one.row.table, Showing()), alone.get(one.key))
        for position, of_row in enumerate(replicates)
        for one in of_row
    ]
    fair = [value for of_row in replicates for value in _fair_metrics(of_row, records)]
    lines = [
        line if value is None or line.epoch is None else replace(line, fair_metric=value)
        for line, value in zip(lines, fair, strict=True)
    ]
    names = [field.name for field in fields(ReplicateLine)]
    columns = {name: [getattr(line, name) for line in lines] for name in names}
    columns |= _reported_columns(lines, records)
    frame = pd.DataFrame(columns)
    _add_folds(frame, [one.config for of_row in replicates for one in of_row])
    return frame.astype({"epoch": "Int64", "one_class": "boolean"})


def _reported_columns(lines: Sequence[ReplicateLine], records: Mapping[str, Record]) -> dict[str, list[float]]:
    """A column for each metric that training functions report beside the curves of every record."""
    values = [{} if line.epoch is None else _at(records[line.key].reported, line.epoch) for line in lines]
    names = dict.fromkeys(name for line in lines for name in reported_names(line.reported))
    return {name: [of_line.get(name, nan) for of_line in values] for name in names if name not in CURVES}


def _at(curves: Mapping[str, Sequence[float]], epoch: int) -> dict[str, float]:
    return {name: curve[epoch - 1] for name, curve in curves.items()}


def reported_names(reported: str) -> list[str]:
    """The names of the metrics of `ReplicateLine.reported`."""
    return [declared_metric(text).name for text in reported.splitlines()]


def _add_folds(frame: pd.DataFrame, configs: Sequence[TrialConfig]) -> None:
    """Add the repeat and the fold that validates to the lines of a study with cross-validations."""
    if not any(config.folds for config in configs):
        return
    place = list(frame.columns).index("seed") + 1
    for name in ("fold", "repeat"):
        values = [_fold_of(config)[name] if config.folds else None for config in configs]
        frame.insert(place, name, pd.Series(values, dtype="Int64", index=frame.index))


def _fold_of(config: TrialConfig) -> dict[str, int]:
    return {"fold": config.fold, "repeat": config.seed // config.folds}


def _line(
    replicate: Replicate, position: int, record: Record | None, showing: Showing, alone: Record | None
) -> ReplicateLine:
    row = replicate.row
    identity: dict[str, Any] = {
        "table": row.table,
        "position": position,
        "level": ", ".join(row.labels),
        "is_default": row.is_default,
        "seed": replicate.seed,
        "dataset": data_id(replicate.config),
        "key": replicate.key,
    }
    if record is None:
        return ReplicateLine(**identity, outcome=MISSING)
    identity |= {
        "epochs_done": record.epochs,
        "metric": record.metric,
        "target_unit": record.target_unit,
        "host": record.host,
        "device": record.device,
        "machine_kind": record.machine_kind,
        "code_version": record.code_version,
        "reported": "\n".join(record.metrics),
        "elsewhere": record.is_imported,
    }
    reading = _reading(record, replicate, showing)
    return ReplicateLine(**identity, **reading, alone_seconds=_seconds_at(alone, reading.get("epoch")))


def _fair_metrics(of_row: Sequence[Replicate], records: Mapping[str, Record]) -> list[float | None]:
    """The `fair_metric` of each replicate of a row, where it is not the metric that the row reads."""
    nothing: list[float | None] = [None] * len(of_row)
    held = [(one, records[one.key]) for one in of_row if one.key in records]
    if len(held) < 2 or held[0][0].row.read != "best" or any(one.reading(record).epoch is None for one, record in held):
        return nothing
    epochs = min(curve_length(one, record) for one, record in held)
    sign = 1.0 if METRIC_SPECS[held[0][1].metric].higher_is_better else -1.0
    curves = sign * np.array([record.validation_metric[:epochs] for _, record in held])
    if not epochs or not np.isfinite(curves).all():
        return nothing
    values = iter(sign * at_epochs_of_others(curves))
    return [float(next(values)) if one.key in records else None for one in of_row]


def _seconds_at(record: Record | None, epoch: int | None) -> float:
    return nan if record is None or epoch is None or epoch > record.epochs else record.train_seconds[epoch - 1]


def _reading(record: Record, replicate: Replicate, showing: Showing) -> dict[str, Any]:
    row, reading = replicate.row, replicate.reading(record)
    if reading.outcome == MISSING:
        return {"outcome": MISSING, "reason": f"{record.epochs} of {row.epochs} epochs run"}
    if reading.outcome in OUTCOMES_WITHOUT_NUMBER:
        return {"outcome": reading.outcome, "reason": record.reason}
    epoch = reading.epoch
    if epoch is None or not isfinite(record.validation_metric[epoch - 1]):
        return {"outcome": DIVERGED, "reason": "the validation metric is not finite"}
    if showing.train_metric == "running" or record.is_reported:
        train_loss, train_value = record.train_loss[epoch - 1], record.train_metric[epoch - 1]
    elif epoch in record.measured_epochs:
        train_loss, train_value = record.measured(epoch)
    else:
        return {"outcome": MISSING, "reason": f"epoch {epoch} was run but not measured"}
    return {
        "outcome": reading.outcome,
        "epoch": epoch,
        "train_metric": train_value,
        "train_loss": train_loss,
        "validation_metric": record.validation_metric[epoch - 1],
        "fair_metric": record.validation_metric[epoch - 1],
        "validation_loss": record.validation_loss[epoch - 1],
        "learning_rate": record.learning_rate[epoch - 1],
        "train_seconds": record.train_seconds[epoch - 1],
        "epochs_until": _epochs_until(record, row, showing.epochs_until),
    }


def _epochs_until(record: Record, row: Row, target: float | None) -> float:
    """The first epoch that the row reads whose validation metric is as good as the target; NaN where none is."""
    if target is None:
        return nan
    higher = METRIC_SPECS[record.metric].higher_is_better
    reached = (
        epoch
        for epoch, value in enumerate(record.validation_metric[: row.epochs], start=1)
        if (value >= target if higher else value <= target)
    )
    return next(reached, nan)
