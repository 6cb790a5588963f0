"""A tidy frame of the epochs of a study's replicates."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tune_jobs.ledger.record import Record
from tune_jobs.standing.replicates import Replicate

CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric")


def curves_frame(replicates: Sequence[Sequence[Replicate]], records: Mapping[str, Record]) -> pd.DataFrame:
    """Make a line for each epoch of each replicate: position of its row, seed, key, epoch and `CURVES`.

    The metrics that training functions report beside these have columns too.

    A curve ends with the epochs of its row, where the trajectory ended before, or before the first value that is not
    finite.

    Args:
        replicates: of each row of the study, in order.
        records: of the ledger, by key.
    """
    held = [
        (position, one, records[one.key])
        for position, of_row in enumerate(replicates)
        for one in of_row
        if one.key in records
    ]
    lengths = np.array([curve_length(one, record) for _, one, record in held], dtype=np.int64)
    # All curves one after the other.
    curves = {
        name: np.fromiter(
            chain.from_iterable(
                getattr(record, name)[:length] for (_, _, record), length in zip(held, lengths, strict=True)
            ),
            dtype=np.float64,
        )
        for name in CURVES
    }
    curves |= _reported_curves([record for _, _, record in held], lengths)
    starts = np.cumsum(lengths) - lengths
    frame = pd.DataFrame(
        {
            "position": np.repeat([position for position, _, _ in held], lengths),
            "seed": np.repeat([one.seed for _, one, _ in held], lengths),
            "key": pd.Series([one.key for _, one, _ in held]).repeat(lengths.tolist()).array,
            "epoch": np.arange(1, lengths.sum() + 1) - np.repeat(starts, lengths),
            **curves,
        }
    )
    # Of what a training function reports, only the metric that is compared is always there.
    own = np.repeat(np.array([record.is_reported for _, _, record in held], dtype=bool), lengths)
    finite = np.logical_and.reduce(
        [np.isfinite(curves[name]) | (own if name != "validation_metric" else False) for name in CURVES]
    )
    if not finite.all():
        frame = frame[_until_first_bad(finite, starts, lengths)].reset_index(drop=True)
    return frame if len(frame) else pd.DataFrame(columns=list(frame.columns))


def _reported_curves(records: Sequence[Record], lengths: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Of each metric that training functions report beside `CURVES`, all curves one after the other."""
    reported = [record.reported for record in records]
    names = dict.fromkeys(name for of_record in reported for name in of_record if name not in CURVES)
    return {
        name: np.concatenate(
            [
                np.asarray(of_record[name][:length] if name in of_record else np.full(length, nan), dtype=np.float64)
                for of_record, length in zip(reported, lengths, strict=True)
            ]
        )
        for name in names
    }


def curve_length(replicate: Replicate, record: Record) -> int:
    """How many epochs of a record a replicate shows."""
    epochs, patience = replicate.row.epochs, replicate.config.early_stopping_patience
    last = record.reading(epochs=epochs, patience=patience, read="last").epoch
    return min(epochs, record.epochs) if last is None else last


def _until_first_bad(
    good: NDArray[np.bool_], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark the values of each curve before its first that is not good."""
    bad_before = np.concatenate([[0], np.cumsum(~good)])
    marked: NDArray[np.bool_] = bad_before[1:] == np.repeat(bad_before[starts], lengths)
    return marked
