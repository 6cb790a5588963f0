"""Which replicates of a classifier have collapsed: their predictions are one single class."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tune_jobs.ledger.ledger import Contents
from tune_jobs.ledger.record import Record
from tune_jobs.study.rows import Row


def predicts_one_class(record: Record, epoch: int, *, objective: str) -> bool:
    """Return whether all validation rows are given the same class after a measured epoch.

    One output stands for two classes: a logit, or with mean squared error a number between 0 and 1.
    """
    outputs = record.predictions(epoch)
    if record.outputs == 1:
        classes: NDArray[np.generic] = outputs[:, 0] > (0.5 if objective == "mse" else 0.0)
    else:
        classes = outputs.argmax(axis=1)
    return bool((classes == classes[0]).all())


def suspects(frame: pd.DataFrame, targets: Mapping[tuple[int, int], NDArray[np.generic]]) -> pd.DataFrame:
    """Return the lines of a trials frame that may have collapsed, so that few predictions need be read.

    Who predicts one class has exactly that class' share as accuracy.

    Args:
        frame: of `analysis.frames.frames.trials_frame`.
        targets: the validation classes by the row's position and seed; a replicate without them may always have
            collapsed.
    """
    accuracies = frame[(frame["metric"] == "accuracy") & frame["epoch"].notna()]
    shares: dict[int, NDArray[np.float64]] = {}
    for classes in targets.values():
        if id(classes) not in shares:
            shares[id(classes)] = _shares(classes)
    may = []
    columns = (accuracies["position"], accuracies["seed"], accuracies["validation_metric"])
    for position, seed, accuracy in zip(*columns, strict=True):
        own = targets.get((position, seed))
        may.append(own is None or bool(np.isclose(shares[id(own)], accuracy, rtol=0, atol=1e-9).any()))
    return accuracies[may]


def with_one_class(frame: pd.DataFrame, lines: pd.DataFrame, rows: Sequence[Row], contents: Contents) -> pd.DataFrame:
    """Return the trials frame with `one_class` filled in.

    Args:
        frame: of `analysis.frames.frames.trials_frame`.
        lines: of `suspects`; what is left out of them has not collapsed.
        rows: of `tune_jobs.study.rows.expand`.
        contents: of the ledger, with the predictions of the suspects.
    """
    known = (frame["metric"] == "accuracy") & frame["epoch"].notna()
    marks: dict[Hashable, bool | None] = dict.fromkeys(frame.index[known], False)
    for index, line in lines.iterrows():
        record, config, epoch = contents.records[line["key"]], rows[line["position"]].config, int(line["epoch"])
        kept = epoch in record.measured_epochs and record.validation_outputs
        # How the user's own objective reads outputs is known where it is imported, and not here.
        if config is None or config.own_objective or not kept:
            marks[index] = None
        else:
            marks[index] = predicts_one_class(record, epoch, objective=config.objective)
    return frame.assign(one_class=pd.Series(marks, index=frame.index, dtype="boolean"))


def _shares(classes: NDArray[np.generic]) -> NDArray[np.float64]:
    _, counts = np.unique(classes, return_counts=True)
    shares: NDArray[np.float64] = 100.0 * counts / len(classes)
    return shares
