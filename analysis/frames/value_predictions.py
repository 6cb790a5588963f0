"""What networks predict for the validation part of a regression, in the target's unit, beside the targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import gaussian_replicates
from tune_jobs.study.rows import Row

_NEEDED = {"targets", "target_mean", "target_std"}


@dataclass(frozen=True, eq=False)
class ValuePredictions:
    """What one replicate predicts: predictions and targets, [n] each, in the target's unit."""

    seed: int
    predicted: NDArray[np.float64]
    targets: NDArray[np.float64]

    @property
    def rmse(self) -> float:
        """The root mean squared error."""
        return float(np.sqrt(np.mean(np.square(self.predicted - self.targets))))


def value_replicates(row: Row, evidence: Evidence) -> Iterator[ValuePredictions]:
    """Yield the predictions of each replicate of a row, at the epoch that the row reads.

    Under a log target a prediction is the exponential of the predicted logarithm; of a predicted distribution it is
    the mean.
    """
    if row.config is None:
        return
    if row.config.predicts_gaussian:
        for one in gaussian_replicates([row], evidence):
            yield ValuePredictions(one.seed, one.mean, one.targets)
        return
    records = evidence.predictions([row])
    for replicate, key, epoch in evidence.readings(evidence.standing.rows.index(row)):
        stored, record = evidence.targets(replicate), records[key]
        if record.keeps_predictions(epoch) and record.outputs == 1 and set(stored) >= _NEEDED:
            scale, offset = float(stored["target_std"]), float(stored["target_mean"])
            values = (record.predictions(epoch)[:, 0], stored["targets"])
            predicted, targets = (np.asarray(value, dtype=np.float64) * scale + offset for value in values)
            if row.config.target_transform == "log":
                predicted, targets = np.exp(predicted), np.exp(targets)
            if len(predicted) == len(targets):
                yield ValuePredictions(replicate.seed, predicted, targets)
