"""Which class is predicted for which: confusion matrices of a row, at the epoch that it reads."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.frames.collapse import predicted_classes
from analysis.frames.evidence import Evidence
from tune_jobs.ledger.record import Record
from tune_jobs.study.rows import Row

# Of targets that are no classes there may be as many as rows.
MOST_CLASSES = 1000


def confusion_shares(
    predicted: NDArray[np.int64], targets: NDArray[np.generic], classes: int
) -> NDArray[np.float64] | None:
    """Count how often each class is predicted for the rows of each.

    Args:
        predicted: classes, [n].
        targets: the rows' own, [n].
        classes: how many there are.

    Returns:
        Percentages, [own class, predicted class]; a class without rows has NaN. None where the targets are none of the
        classes.
    """
    own = targets.astype(np.int64)
    if len(own) != len(predicted) or not np.array_equal(own, targets) or own.min() < 0 or own.max() >= classes:
        return None
    counts = np.zeros((classes, classes))
    np.add.at(counts, (own, predicted), 1)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = 100.0 * counts / counts.sum(axis=1, keepdims=True)
    return shares


def mean_confusion(
    position: int, row: Row, evidence: Evidence, records: Mapping[str, Record]
) -> NDArray[np.float64] | None:
    """Average the confusion matrices of a row's replicates, for each class over those that have rows of it.

    Args:
        position: of the row among all rows.
        row: of a table.
        evidence: what the ledger knows of the study.
        records: with predictions, by key.

    Returns:
        As `confusion_shares`; None where no predictions are kept, or nothing that they can be compared with.
    """
    if row.config is None:
        return None
    found = []
    for replicate, key, epoch in evidence.readings(position):
        record, targets = records[key], evidence.targets(replicate).get("targets")
        # What a single output of a training function means is not known.
        readable = 1 < record.outputs <= MOST_CLASSES or (record.outputs == 1 and not row.config.trainer)
        if targets is not None and readable and record.keeps_predictions(epoch):
            predicted = predicted_classes(record.predictions(epoch), objective=row.config.objective)
            shares = confusion_shares(predicted, targets, max(2, record.outputs))
            found += [shares] if shares is not None else []
    if not found or len({shares.shape for shares in found}) > 1:
        return None
    stacked = np.stack(found)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(known, stacked, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean
