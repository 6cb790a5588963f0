"""Scaling with statistics of the training part only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.preparation import DEFAULT_PREPARATION, NONE, STANDARD, Preparation
from data_utils.transforms import INPUT_TRANSFORMS, TARGET_TRANSFORMS

# Rows at a time, to keep the float64 copies of an image set small.
_BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Scaling:
    """Offsets and scales of the transformed inputs and targets.

    Those of the inputs broadcast over rows: float64 (channels, 1, 1), (features,), or (1, features) for sequences.
    ``input_fill``, of the same shape and in the units of the source, replaces NaN before anything else. It is None if
    missing values are not allowed, and NaN for a feature without any value in the training part.
    """

    input_offset: NDArray[np.float64]
    input_scale: NDArray[np.float64]
    target_mean: float
    target_std: float
    input_fill: NDArray[np.float64] | None = None
    input_transform: str = NONE
    target_transform: str = NONE


def fit(
    inputs: NDArray[Any],
    targets: NDArray[Any],
    preparation: Preparation = DEFAULT_PREPARATION,
    *,
    task: str,
    missing: str = "error",
) -> Scaling:
    """Measure the training inputs [n, *input_shape] and, for regression, the targets [n].

    Images are measured per channel, tables and sequences [n, time, features] per feature, all after the transforms of
    ``preparation``; a constant feature gets the scale 1. Inputs are scaled to mean 0 and standard deviation 1
    (``standard``) or to the range 0 to 1 (``unit``), targets always to mean 0 and standard deviation 1. If ``missing``
    is ``mean``, ``median`` or ``most_frequent``, that statistic of the values that are present first replaces NaN. The
    caller makes sure that the target transform is defined for all targets.
    """
    input_fill = None
    if missing != "error":
        input_fill = _fill(inputs, _FILLS[missing])
        inputs = _filled(inputs, input_fill)
    transformed = INPUT_TRANSFORMS[preparation.input_transform](inputs)
    input_offset, input_scale = _SCALINGS[preparation.input_scaling](transformed)
    target_mean, target_std = 0.0, 1.0
    if task == "regression":
        target_mean, target_std = map(float, _moments(TARGET_TRANSFORMS[preparation.target_transform](targets)))
    return Scaling(
        input_offset,
        input_scale,
        target_mean,
        target_std,
        input_fill,
        preparation.input_transform,
        preparation.target_transform,
    )


def standardise(
    values: NDArray[Any],
    *,
    mean: NDArray[np.float64] | float,
    std: NDArray[np.float64] | float,
    fill: NDArray[np.float64] | None = None,
    transform: Callable[[NDArray[Any]], NDArray[Any]] = INPUT_TRANSFORMS[NONE],
) -> NDArray[np.float32]:
    """Compute ``(transform(values) - mean) / std``, with ``fill`` for NaN, into a new float32 array."""
    scaled = np.empty(values.shape, dtype=np.float32)
    for start in range(0, len(values), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        scaled[block] = (transform(_filled(values[block], fill)) - mean) / std
    return scaled


def _axes(values: NDArray[Any]) -> tuple[int, ...]:
    """Axes to average over: all except channels or, in tables and sequences, features."""
    return (0, 1) if values.ndim == 3 else (0, *range(2, values.ndim))


def _filled(values: NDArray[Any], fill: NDArray[np.float64] | None) -> NDArray[Any]:
    return values if fill is None else np.where(np.isnan(values), fill, values)


def _fill(values: NDArray[Any], statistic: Callable[[NDArray[Any]], Any]) -> NDArray[np.float64]:
    axes = _axes(values)
    shape = [1 if axis in axes else size for axis, size in enumerate(values.shape)]
    (kept,) = set(range(values.ndim)) - set(axes)
    fill = np.full(shape, np.nan)
    for place, feature in enumerate(np.moveaxis(values, kept, 0)):
        present = feature[~np.isnan(feature)]
        if present.size:
            fill.reshape(-1)[place] = statistic(present)
    return np.array(fill[0])


def _most_frequent(values: NDArray[Any]) -> Any:
    different, counts = np.unique(values, return_counts=True)
    return different[counts.argmax()]


def _moments(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes = _axes(values)
    mean: NDArray[np.float64] = np.asarray(np.mean(values, axis=axes, dtype=np.float64, keepdims=True))
    squares = np.zeros_like(mean)
    for start in range(0, len(values), _BLOCK_ROWS):
        squares += np.square(values[start : start + _BLOCK_ROWS] - mean).sum(axis=axes, keepdims=True)
    std = np.sqrt(squares / (values.size / mean.size))
    # Not `std == 0`: rounding gives a constant column of 0.1 a deviation of 1e-17.
    std[values.max(axis=axes, keepdims=True) == values.min(axis=axes, keepdims=True)] = 1.0
    return np.array(mean[0]), np.array(std[0])


def _range(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes = _axes(values)
    low = values.min(axis=axes, keepdims=True).astype(np.float64)
    span = values.max(axis=axes, keepdims=True) - low
    span[span == 0] = 1.0
    return np.array(low[0]), np.array(span[0])


_SCALINGS = {STANDARD: _moments, "unit": _range}
_FILLS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "mean": lambda values: np.mean(values, dtype=np.float64),
    "median": np.median,
    "most_frequent": _most_frequent,
}
