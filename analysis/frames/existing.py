"""Frames of results from elsewhere: the same columns as those of a study's own trials."""

from collections.abc import Sequence
from dataclasses import fields
from math import isfinite, nan
from typing import Any

import pandas as pd

from analysis.frames.curves_frame import CURVES
from analysis.frames.evidence import Evidence
from analysis.frames.frames import ReplicateLine
from analysis.frames.outcomes import COMPLETED, DIVERGED
from tune_jobs.existing.as_study import ExistingStudy, metric_column
from tune_jobs.existing.names import TRAINING, measured_words, part_of
from tune_jobs.existing.runs import Run
from tune_jobs.ledger.ledger import Contents
from tune_jobs.standing.standing import Standing


def existing_evidence(existing: ExistingStudy) -> Evidence:
    """Make the frames that tables and figures are made from."""
    trials, curves = _trials(existing), _curves(existing)
    standing = Standing(
        study=existing.study,
        variant="",
        ledger=None,
        seeds=(0,),
        fingerprints={},
        rows=existing.rows,
        replicates=[() for _ in existing.rows],
        contents=Contents({}),
    )
    return Evidence(standing, trials, curves, ())


def read_at(run: Run, metric: str, *, read: str, higher_is_better: bool) -> int | None:
    """The place, among a run's epochs, of the one that is read; None where it has no number.

    Args:
        run: of results from elsewhere.
        metric: that is compared.
        read: "last" or "best" epoch.
        higher_is_better: of the metric.
    """
    finite = [place for place, value in enumerate(run.metrics[metric]) if isfinite(value)]
    if run.outcome != COMPLETED or not finite:
        return None
    if read == "last":
        return finite[-1]
    sign = 1 if higher_is_better else -1
    return max(finite, key=lambda place: (sign * run.metrics[metric][place], -place))


def _trials(existing: ExistingStudy) -> pd.DataFrame:
    found = existing.layout.found
    keys = {id(run): str(place) for place, run in enumerate(found.runs)}
    lines: list[ReplicateLine] = []
    values: list[dict[str, float]] = []
    for position, (row, configuration) in enumerate(zip(existing.rows, existing.configurations, strict=True)):
        for seed, run in zip(configuration.seeds, configuration.runs, strict=True):
            place = read_at(run, found.metric, read=found.read, higher_is_better=existing.metrics.by.higher_is_better)
            identity: dict[str, Any] = {
                "table": row.table,
                "position": position,
                "level": ", ".join(row.labels),
                "is_default": row.is_default,
                "seed": seed,
                "dataset": "elsewhere",
                "key": run.name or keys[id(run)],
                "epochs_done": run.epochs[-1],
                "metric": existing.metrics.by.compared_name,
                "reported": "\n".join(map(str, existing.metrics)),
                "elsewhere": True,
            }
            if place is None:
                outcome = DIVERGED if run.outcome == COMPLETED else run.outcome
                lines.append(ReplicateLine(**identity, outcome=outcome, reason=run.reason))
                values.append({})
                continue
            shown = {metric_column(name): _known(run.metrics[name], place) for name in (found.metric, *found.others)}
            values.append(shown)
            lines.append(
                ReplicateLine(
                    **identity,
                    outcome=COMPLETED,
                    epoch=run.epochs[place],
                    validation_metric=run.metrics[found.metric][place],
                    fair_metric=run.metrics[found.metric][place],
                    train_metric=_train_metric(run, found.metric, place),
                    train_loss=shown.get("train_loss", nan),
                    validation_loss=shown.get("validation_loss", nan),
                    train_seconds=_known(run.seconds, place),
                )
            )
    columns: dict[str, list[Any]] = {
        field.name: [getattr(line, field.name) for line in lines] for field in fields(ReplicateLine)
    }
    for name in existing.metrics.names:
        columns.setdefault(name, [of_line.get(name, nan) for of_line in values])
    return pd.DataFrame(columns).astype({"epoch": "Int64", "one_class": "boolean"})


def _train_metric(run: Run, metric: str, place: int) -> float:
    beside = (
        name
        for name in run.metrics
        if part_of(name) == TRAINING and measured_words(name) == measured_words(metric) and name != metric
    )
    return next((_known(run.metrics[name], place) for name in beside), nan)


def _known(values: Sequence[float], place: int) -> float:
    """The value at a place, or the last before it: not everything is reported at each epoch."""
    return next((value for value in reversed(values[: place + 1]) if value == value), nan)


def _curves(existing: ExistingStudy) -> pd.DataFrame:
    found = existing.layout.found
    lines = []
    keys = {id(run): str(place) for place, run in enumerate(found.runs)}
    for position, configuration in enumerate(existing.configurations):
        for seed, run in zip(configuration.seeds, configuration.runs, strict=True):
            for place, (epoch, value) in enumerate(zip(run.epochs, run.metrics[found.metric], strict=True)):
                if not isfinite(value):
                    continue
                curve = {name: _known(run.metrics[name], place) for name in run.metrics if name in CURVES}
                identity = {"position": position, "seed": seed, "key": run.name or keys[id(run)], "epoch": epoch}
                lines.append({**identity, **dict.fromkeys(CURVES, nan), **curve, "validation_metric": value})
    return pd.DataFrame(lines, columns=["position", "seed", "key", "epoch", *CURVES])
