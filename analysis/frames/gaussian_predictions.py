"""The Gaussian predictions of a study's rows, in the units of the source, and frames of their coverage and spread."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.frames.evidence import Evidence
from analysis.statistics.coverage import NOMINAL, coverage, gaussian, log_normal, rank_correlation
from tune_jobs.study.rows import Row

_NEEDED = {"targets", "target_mean", "target_std", "inputs", "input_offset", "input_scale"}


@dataclass(frozen=True, eq=False)
class GaussianPredictions:
    """What one replicate predicts for its validation part.

    Attributes:
        position: of the row among all rows of the study.
        mean: [n], in the target's unit; so are `std` and `targets` [n].
        inputs: [n, features], in the source's unit.
        logs: mean, standard deviation and targets, [n] each, of the logarithm under a log target: then the logarithm is
            Gaussian, and `mean` and `std` are those of a log-normal distribution. None for other targets.
    """

    position: int
    seed: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    targets: NDArray[np.float64]
    inputs: NDArray[np.float64]
    logs: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None


def gaussian_predictions(
    outputs: ArrayLike,
    stored: Mapping[str, NDArray[Any]],
    *,
    link: str,
    position: int,
    seed: int,
    input_transform: str = "none",
    target_transform: str = "none",
) -> GaussianPredictions:
    """Read a replicate's predictions off its outputs, in the units of the source.

    Args:
        outputs: of the network for the validation part, [n, 2].
        stored: `targets` [n] and `inputs` [n, features], both standardised; `target_mean` and `target_std`,
            `input_offset` and `input_scale` [features].
        link: in `LINKS`.
        position: of the row among all rows of the study.
        seed: of the replicate.
        input_transform: applied to the inputs before they were scaled: "none" or "log1p".
        target_transform: applied to the targets before they were standardised: "none" or "log".

    Raises:
        ValueError: see `gaussian`; or outputs, targets and inputs do not have the same rows.
    """
    target_mean, target_std = float(stored["target_mean"]), float(stored["target_std"])
    mean, std = gaussian(outputs, link, target_mean, target_std)
    targets = np.asarray(stored["targets"], dtype=np.float64) * target_std + target_mean
    offset, scale = (np.asarray(stored[name], dtype=np.float64) for name in ("input_offset", "input_scale"))
    inputs = np.asarray(stored["inputs"], dtype=np.float64) * scale + offset
    if input_transform == "log1p":
        inputs = np.copysign(np.expm1(np.abs(inputs)), inputs)
        scale = inputs.std(axis=0)
    if not len(mean) == len(targets) == len(inputs):
        raise ValueError(f"outputs, targets and inputs: {len(mean)}, {len(targets)} and {len(inputs)} rows differ")
    # Single precision turned 6 into 5.9999995; five digits of the deviation keep all values apart.
    digits = 5 - np.floor(np.log10(np.where(scale > 0, scale, 1.0))).astype(int)
    columns = [np.round(column, count) for column, count in zip(inputs.T, digits.tolist(), strict=True)]
    inputs = np.stack(columns, axis=1)
    if target_transform == "log":
        return GaussianPredictions(
            position, seed, *log_normal(mean, std), np.exp(targets), inputs, (mean, std, targets)
        )
    return GaussianPredictions(position, seed, mean, std, targets, inputs)


def coverage_frame(predictions: Sequence[GaussianPredictions]) -> pd.DataFrame:
    """A line for each replicate and level of `NOMINAL`: position, seed, nominal and observed coverage, n.

    A log-normal distribution's central intervals are the exponentials of those of its logarithm.
    """
    parts = [
        pd.DataFrame(
            {
                "position": one.position,
                "seed": one.seed,
                "nominal": NOMINAL,
                "observed": coverage(*(one.logs or (one.mean, one.std, one.targets))),
                "n": len(one.targets),
            }
        )
        for one in predictions
    ]
    names = ["position", "seed", "nominal", "observed", "n"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def spread_frame(predictions: Sequence[GaussianPredictions]) -> pd.DataFrame:
    """A line for each replicate: how large its predicted deviations are, and how large its errors.

    Columns: position, seed; rms_std, the root mean square of the predicted standard deviations; rmse. The two are equal
    for calibrated predictions.
    """
    lines = [
        {
            "position": one.position,
            "seed": one.seed,
            "rms_std": _root_mean_square(one.std),
            "rmse": _root_mean_square(one.targets - one.mean),
        }
        for one in predictions
    ]
    return pd.DataFrame(lines, columns=["position", "seed", "rms_std", "rmse"])


def _root_mean_square(values: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.mean(np.square(values))))


def correlation_frame(predictions: Sequence[GaussianPredictions], features: Sequence[str]) -> pd.DataFrame:
    """Spearman's rho between each input and the predicted standard deviation.

    A line for each replicate and input, with columns position, seed, feature and rho (NaN for an input that does not
    vary).

    Raises:
        ValueError: the names do not match the inputs.
    """
    lines = [
        {"position": one.position, "seed": one.seed, "feature": feature, "rho": rank_correlation(values, one.std)}
        for one in predictions
        for feature, values in zip(checked_names(features, one), one.inputs.T, strict=True)
    ]
    return pd.DataFrame(lines, columns=["position", "seed", "feature", "rho"])


def checked_names(features: Sequence[str], one: GaussianPredictions) -> Sequence[str]:
    """The names of the inputs, if there is a different one for each.

    Raises:
        ValueError: the names do not match the inputs.
    """
    if len(features) != one.inputs.shape[1] or len(set(features)) != len(features):
        raise ValueError(
            f"features: {list(features)} do not name {one.inputs.shape[1]} inputs; give a different name for each"
        )
    return features


def gaussian_replicates(rows: Sequence[Row], evidence: Evidence) -> Iterator[GaussianPredictions]:
    """Yield the Gaussian predictions of each replicate, at the epoch that its row reads."""
    predicting = [row for row in rows if row.config is not None and row.config.predicts_gaussian]
    records = evidence.predictions(predicting)
    for row in predicting:
        position = evidence.standing.rows.index(row)
        for replicate, key, epoch in evidence.readings(position):
            stored, record = evidence.targets(replicate), records[key]
            # A row may read an epoch whose predictions are not kept, or not yet.
            if record.keeps_predictions(epoch) and set(stored) >= _NEEDED and row.config is not None:
                yield gaussian_predictions(
                    record.predictions(epoch),
                    stored,
                    link=row.config.variance_link,
                    position=position,
                    seed=replicate.seed,
                    input_transform=row.config.input_transform,
                    target_transform=row.config.target_transform,
                )
