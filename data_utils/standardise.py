"""Scaling with the statistics of the training part alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STANDARD = "standard"
# Rows at a time, so that the float64 copies of an image set stay small.
_BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is subtracted and what is divided by, in the units of the source, in float64.

    Those of the inputs have the shape (channels, 1, 1) or (features,): they broadcast over rows.
    """

    input_offset: NDArray[np.float64]
    input_scale: NDArray[np.float64]
    target_mean: float
    target_std: float


def fit(inputs: NDArray[Any], targets: NDArray[Any], *, task: str, input_scaling: str = STANDARD) -> Scaling:
    """Measure the training inputs [n, *input_shape] and, for regression, the targets [n].

    Images are measured per channel and tables per feature; what is constant is divided by 1. The inputs are
    scaled to mean 0 and deviation 1 (``standard``), or their range to 0 … 1 (``unit``); targets always the former.
    """
    input_offset, input_scale = _SCALINGS[input_scaling](inputs)
    if task == "classification":
        return Scaling(input_offset, input_scale, 0.0, 1.0)
    target_mean, target_std = _moments(targets)
    return Scaling(input_offset, input_scale, float(target_mean), float(target_std))


def standardise(
    values: NDArray[Any], *, mean: NDArray[np.float64] | float, std: NDArray[np.float64] | float
) -> NDArray[np.float32]:
    """Return ``(values - mean) / std`` in float32, as an array that owns its memory."""
    scaled = np.empty(values.shape, dtype=np.float32)
    for start in range(0, len(values), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        scaled[block] = (values[block] - mean) / std
    return scaled


def _moments(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes = (0, *range(2, values.ndim))
    mean: NDArray[np.float64] = np.asarray(np.mean(values, axis=axes, dtype=np.float64, keepdims=True))
    squares = np.zeros_like(mean)
    for start in range(0, len(values), _BLOCK_ROWS):
        squares += np.square(values[start : start + _BLOCK_ROWS] - mean).sum(axis=axes, keepdims=True)
    std = np.sqrt(squares / (values.size / mean.size))
    # Not `std == 0`: rounding leaves a constant column of 0.1 a deviation of 1e-17.
    std[values.max(axis=axes, keepdims=True) == values.min(axis=axes, keepdims=True)] = 1.0
    return np.array(mean[0]), np.array(std[0])


def _range(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes = (0, *range(2, values.ndim))
    low = values.min(axis=axes, keepdims=True).astype(np.float64)
    span = values.max(axis=axes, keepdims=True) - low
    span[span == 0] = 1.0
    return np.array(low[0]), np.array(span[0])


_SCALINGS = {STANDARD: _moments, "unit": _range}
