"""What a classifier with two inputs and two classes decides on a grid of inputs, and on its validation part."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit


@dataclass(frozen=True, eq=False)
class Decision:
    """What one replicate decides.

    Attributes:
        scores: of class 1 on the grid, [side, side]: rows are the second input, columns the first, both ascending.
            The boundary is at 0.5.
        extent: left, right, bottom and top of the grid, in the unit of the points.
        points: the validation inputs, [n, 2].
        classes: their classes, 0 or 1, [n].
        missed: whether each is misclassified, bool [n].
    """

    scores: NDArray[np.float64]
    extent: tuple[float, float, float, float]
    points: NDArray[np.float64]
    classes: NDArray[np.int64]
    missed: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Accuracy on the points, in percent."""
        return 100.0 * float(1 - self.missed.mean())


def margin(outputs: ArrayLike, *, objective: str) -> NDArray[np.float64]:
    """How strongly outputs [n, 1 or 2] speak for class 1, [n]: the network predicts it where this is above 0.

    One output is a logit, or with the objective "mse" a number between 0 and 1; two are logits.

    Raises:
        ValueError: the outputs are not those of two classes.
    """
    array = np.asarray(outputs, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] not in (1, 2):
        raise ValueError(f"outputs: shape {array.shape} is not of two classes; give [n, 1] or [n, 2]")
    if array.shape[1] == 2:
        return array[:, 1] - array[:, 0]
    return array[:, 0] - 0.5 if objective == "mse" else array[:, 0]


def score(outputs: ArrayLike, *, objective: str) -> NDArray[np.float64]:
    """The score of class 1, [n]: its probability. With one output and "mse", that output, which may leave 0 to 1.

    See `margin` for the outputs.
    """
    speaks = margin(outputs, objective=objective)
    if objective == "mse" and np.shape(outputs)[1] == 1:
        return speaks + 0.5
    probabilities: NDArray[np.float64] = expit(speaks)
    return probabilities


def decision(
    grid_outputs: ArrayLike, outputs: ArrayLike, stored: Mapping[str, NDArray[Any]], *, objective: str, reach: float
) -> Decision:
    """Read a replicate's decision off its outputs, in the unit of the source where the scaling of inputs is stored.

    Args:
        grid_outputs: the network's outputs, [side², 1 or 2], on a square grid of standardised inputs from -reach to
            reach, the first input running fastest.
        outputs: the network's outputs on the validation part, [n, 1 or 2].
        stored: `inputs` [n, 2], standardised, and `targets` [n], 0 or 1; `input_offset` and `input_scale` [2].
        objective: that the network was trained with.
        reach: of the grid.

    Raises:
        ValueError: the grid is not square, or inputs, targets and outputs do not have the same rows.
    """
    grid = score(grid_outputs, objective=objective)
    side = isqrt(grid.size)
    if side < 2 or side * side != grid.size:
        raise ValueError(f"grid_outputs: {grid.size} points are no square grid; give side² of them, at least 4")
    classes = np.asarray(stored["targets"], dtype=np.int64)
    inputs = np.asarray(stored["inputs"], dtype=np.float64)
    predicted = margin(outputs, objective=objective) > 0
    if inputs.shape != (classes.size, 2) or predicted.size != classes.size:
        raise ValueError(
            f"inputs, targets and outputs: {inputs.shape}, {classes.shape} and {np.shape(outputs)} are not of the "
            "same rows with two inputs"
        )
    offset = np.asarray(stored.get("input_offset", np.zeros(2)), dtype=np.float64)
    scale = np.asarray(stored.get("input_scale", np.ones(2)), dtype=np.float64)
    (left, bottom), (right, top) = offset - reach * scale, offset + reach * scale
    return Decision(
        scores=grid.reshape(side, side),
        extent=(float(left), float(right), float(bottom), float(top)),
        points=inputs * scale + offset,
        classes=classes,
        missed=predicted != (classes == 1),
    )
