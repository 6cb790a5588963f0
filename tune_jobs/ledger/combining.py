"""Combines the records that a ledger has of one key."""

from dataclasses import replace
from typing import Any

import numpy as np

from models.history import CURVES, PRUNED
from tune_jobs.ledger.record import FAILED, ISOLATED, Record
from tune_jobs.ledger.schema import PREDICTIONS
from tune_jobs.trial.metrics import SECONDS


def combine(records: list[Record]) -> tuple[Record, bool]:
    """Combine the records of a key into one, and say whether they agree.

    A result wins over a failure, what was trained here over what was imported, the longest over others; but a failure
    wins over a trial that a search had stopped at an earlier epoch.
    Of equals one that had its process to itself wins, then the latest.
    Measurements that only the others have are added. Records from the same kind of machine must be equal bit for bit
    where they overlap.
    """
    ordered = sorted(
        records,
        key=lambda r: (
            r.outcome != FAILED,
            not r.is_imported,
            r.epochs,
            r.process == ISOLATED,
            r.started_at,
            r.host,
            r.reason,
        ),
        reverse=True,
    )
    best = ordered[0]
    if best.outcome == PRUNED:
        later = (record for record in ordered if record.outcome == FAILED and record.epochs > best.epochs)
        best = next(later, best)
    agree = True
    measurements = {epoch: _measured(best, index) for index, epoch in enumerate(best.measured_epochs)}
    for other in (record for record in ordered if record is not best):
        alike = other.machine_kind == best.machine_kind and other.execution_mode == best.execution_mode
        if not alike or other.is_imported:
            continue
        agree = agree and _overlap_equal(best, other)
        for index, epoch in enumerate(other.measured_epochs):
            if epoch <= best.epochs:
                measurements.setdefault(epoch, _measured(other, index))
    if len(measurements) == len(best.measured_epochs):
        return best, agree
    epochs = sorted(measurements)
    columns = zip(*(measurements[epoch] for epoch in epochs), strict=True)
    names = ("measured_train_loss", "measured_train_metric", *PREDICTIONS)
    merged: dict[str, Any] = {
        name: tuple(v for v in column if v is not None) for name, column in zip(names, columns, strict=True)
    }
    return replace(best, measured_epochs=tuple(epochs), **merged), agree


def _measured(record: Record, index: int) -> tuple[Any, ...]:
    stored = [getattr(record, name) for name in PREDICTIONS]
    return (
        record.measured_train_loss[index],
        record.measured_train_metric[index],
        *(outputs[index] if outputs else None for outputs in stored),
    )


def _overlap_equal(first: Record, second: Record) -> bool:
    shared = min(first.epochs, second.epochs)
    if first.is_reported and second.is_reported:
        mine, theirs = first.reported, second.reported
        both = [(mine[name], theirs[name]) for name in mine.keys() & theirs.keys() - {SECONDS}]
    else:
        both = [(getattr(first, name), getattr(second, name)) for name in CURVES if name != "train_seconds"]
    return all(np.array_equal(one[:shared], other[:shared], equal_nan=True) for one, other in both)
