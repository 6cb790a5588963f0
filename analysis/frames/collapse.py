"""Finds the replicates of a classifier that have collapsed: all their predictions are the same class."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tune_jobs.ledger.ledger import Contents
from tune_jobs.ledger.record import Record
from tune_jobs.study.rows import Row


def predicted_classes(outputs: NDArray[np.float32], *, objective: str) -> NDArray[np.int64]:
    """The class that each row of outputs [n, outputs] predicts.

    A single output decides between two classes: it is a logit, or with mean squared error a number between 0 and 1.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > (0.5 if objective == "mse" else 0.0)).astype(np.int64)
    classes: NDArray[np.int64] = outputs.argmax(axis=1)
    return classes


def predicts_one_class(record: Record, epoch: int, *, objective: str) -> bool:
    """Whether the network predicts the same class for all validation rows after a measured epoch."""
    classes = predicted_classes(record.predictions(epoch), objective=objective)
    return bool((classes == classes[0]).all())


def suspects(frame: pd.DataFrame, targets: Mapping[tuple[int, int], NDArray[np.generic]]) -> pd.DataFrame:
    """The lines of a trials frame that may have collapsed; only their predictions need to be read.

    The accuracy of a collapsed replicate is exactly the share of the class that it predicts.

    Args:
        frame: of `analysis.frames.frames.trials_frame`.
        targets: the validation classes by the row's position and seed; a replicate without them is always suspected.
    """
    accuracies = frame[(frame["metric"] == "accuracy") & frame["epoch"].notna()]
    # Most replicates share their targets.
    sharing: dict[int, list[int]] = {}
    may = np.ones(len(accuracies), dtype=bool)
    replicates = list(zip(accuracies["position"], accuracies["seed"], strict=True))
    for line, replicate in enumerate(replicates):
        if replicate in targets:
            sharing.setdefault(id(targets[replicate]), []).append(line)
    for lines in sharing.values():
        shares = _shares(targets[replicates[lines[0]]])
        values = accuracies["validation_metric"].to_numpy()[lines]
        may[lines] = np.isclose(shares, values[:, np.newaxis], rtol=0, atol=1e-9).any(axis=1)
    return accuracies[may]


def with_one_class(frame: pd.DataFrame, lines: pd.DataFrame, rows: Sequence[Row], contents: Contents) -> pd.DataFrame:
    """Fill in `one_class` in the trials frame.

    Args:
        frame: of `analysis.frames.frames.trials_frame`.
        lines: of `suspects`; all other lines have not collapsed.
        rows: of `tune_jobs.study.rows.expand`.
        contents: of the ledger, with the predictions of the suspects.
    """
    known = (frame["metric"] == "accuracy") & frame["epoch"].notna()
    marks: dict[Hashable, bool | None] = dict.fromkeys(frame.index[known], False)
    for index, line in lines.iterrows():
        record, config, epoch = contents.records[line["key"]], rows[line["position"]].config, int(line["epoch"])
        # Only the user's code, which is not imported here, knows how their objective reads outputs.
        if config is None or config.own_objective or not record.keeps_predictions(epoch):
            marks[index] = None
        else:
            marks[index] = predicts_one_class(record, epoch, objective=config.objective)
    return frame.assign(one_class=pd.Series(marks, index=frame.index, dtype="boolean"))


def one_class(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Which replicates of a trials frame are known to predict one class only."""
    return trials["one_class"].fillna(False).astype(bool)


def _shares(classes: NDArray[np.generic]) -> NDArray[np.float64]:
    _, counts = np.unique(classes, return_counts=True)
    shares: NDArray[np.float64] = 100.0 * counts / len(classes)
    return shares
