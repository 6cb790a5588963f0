"""Small generated datasets for the engine."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray


@dataclass(frozen=True)
class Data:
    """What the engine reads from a dataset."""

    task: str
    classes: int
    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.generic]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[np.generic]
    target_mean: float = 0.0
    target_std: float = 1.0
    target_transform: str = "none"


def generate(*, shape: tuple[int, ...] = (1, 8, 8), classes: int = 4, rows: int = 90, seed: int = 7) -> Data:
    """Draw inputs with targets that can be learned: clusters of classes, or a noisy linear value (0 classes)."""
    generator = np.random.default_rng(seed)
    total = rows + 30
    if classes:
        targets = np.arange(total) % classes
        centres = generator.normal(size=(classes, *shape))
        inputs = centres[targets] + 0.7 * generator.normal(size=(total, *shape))
        order = generator.permutation(total)
        inputs, targets = inputs[order].astype("float32"), targets[order].astype("int64")
        return Data("classification", classes, inputs[:rows], targets[:rows], inputs[rows:], targets[rows:])
    inputs = generator.normal(size=(total, *shape)).astype("float32")
    values = inputs.reshape(total, -1)[:, :2].sum(axis=1) + 0.1 * generator.normal(size=total)
    values = ((values - values[:rows].mean()) / values[:rows].std()).astype("float32")
    return Data("regression", 0, inputs[:rows], values[:rows], inputs[rows:], values[rows:], target_std=50.0)


@pytest.fixture
def images() -> Data:
    return generate()


@pytest.fixture
def table() -> Data:
    return generate(shape=(4,), classes=0)


@pytest.fixture
def binary() -> Data:
    return generate(shape=(2,), classes=2)


@pytest.fixture
def make_data() -> Callable[..., Data]:
    return generate
