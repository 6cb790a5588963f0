"""Transforms of inputs and targets, applied before scaling."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError
from data_utils.preparation import NONE
from data_utils.registry import DatasetInfo

LOG, LOG1P = "log", "log1p"


def signed_log1p(values: NDArray[Any]) -> NDArray[np.float64]:
    """Compute ``sign(x) log(1 + |x|)``: odd, close to x near 0 and logarithmic far from it."""
    exact = values.astype(np.float64)
    return np.copysign(np.log1p(np.abs(exact)), exact)


def _same(values: NDArray[Any]) -> NDArray[Any]:
    return values


INPUT_TRANSFORMS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {NONE: _same, LOG1P: signed_log1p}
TARGET_TRANSFORMS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {NONE: _same, LOG: np.log}


def check_targets_transform(info: DatasetInfo, targets: NDArray[Any], *, part: str, target_transform: str) -> None:
    """Check that the transform is defined for the targets [n] of a part.

    Raises:
        DatasetError: If the targets are classes, or the transform is the logarithm and a target is not above 0.
    """
    if target_transform == NONE:
        return
    if info.task == "classification":
        raise DatasetError(
            f"{info.name}: target_transform {target_transform} is for regression, and the targets are classes; use none"
        )
    bad = ~(targets > 0)
    if bad.any():
        found = (
            f"{np.count_nonzero(bad)} of {len(targets)} in the {part} part are not (the lowest is {targets.min():g})"
        )
        raise DatasetError(
            f"{info.name}: target_transform {target_transform} needs every target above 0, but {found}; "
            "use target_transform: none"
        )
