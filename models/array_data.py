"""Data to train on that are plain arrays, without a dataset behind them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ArrayData:
    """Arrays as `models.protocols.TrainingData`."""

    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.generic]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[np.generic]
    task: str
    classes: int
    target_mean: float = 0.0
    target_std: float = 1.0
    target_transform: str = "none"
