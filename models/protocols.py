"""What the training engine reads from a configuration and a dataset.

The engine imports no sibling package: any object with these attributes will do.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class NetworkConfig(Protocol):
    """The fields that decide a network's layers; `tune_jobs.trial.config` says what each means."""

    @property
    def network(self) -> str: ...
    @property
    def hidden_layers(self) -> int: ...
    @property
    def hidden_units(self) -> int: ...
    @property
    def channel_growth(self) -> str: ...
    @property
    def kernel_size(self) -> int: ...
    @property
    def padding(self) -> int | str: ...
    @property
    def pooling(self) -> bool: ...
    @property
    def activation(self) -> str: ...
    @property
    def dropout(self) -> float: ...
    @property
    def batch_norm(self) -> bool: ...


class ObjectiveConfig(Protocol):
    """The fields that decide the loss."""

    @property
    def objective(self) -> str: ...
    @property
    def label_smoothing(self) -> float: ...
    @property
    def variance_link(self) -> str: ...


class OptimizerConfig(Protocol):
    """The fields that decide the optimizer and its schedule."""

    @property
    def optimizer(self) -> str: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def decay_every(self) -> int: ...
    @property
    def decay_factor(self) -> float: ...
    @property
    def plateau_patience(self) -> int: ...
    @property
    def epochs(self) -> int: ...


class AugmentationConfig(Protocol):
    """The fields that decide how far training images are changed; 0 changes nothing."""

    @property
    def shift(self) -> float: ...
    @property
    def rotation(self) -> float: ...
    @property
    def zoom(self) -> float: ...


class TrainingConfig(NetworkConfig, ObjectiveConfig, OptimizerConfig, AugmentationConfig, Protocol):
    """Everything that a training run depends on, except its data and its seed."""

    @property
    def batch_size(self) -> int: ...
    @property
    def early_stopping_patience(self) -> int: ...
    @property
    def threads(self) -> int: ...


class Targets(Protocol):
    """What is predicted: the task, and for classification how many classes (else 0)."""

    @property
    def task(self) -> str: ...
    @property
    def classes(self) -> int: ...


class ScoredData(Protocol):
    """What a score depends on besides outputs and targets: the task, and how targets were transformed and standardised.

    The transform is "none" or "log"; with "log", mean and standard deviation are those of natural logarithms.
    """

    @property
    def task(self) -> str: ...
    @property
    def target_mean(self) -> float: ...
    @property
    def target_std(self) -> float: ...
    @property
    def target_transform(self) -> str: ...


class TrainingData(ScoredData, Protocol):
    """A training and a validation part: inputs [n, *input_shape] float32, targets [n].

    Targets are int64 class indices, or standardised float32 values whose mean and standard deviation, transformed, are
    `target_mean` and `target_std`.
    """

    @property
    def classes(self) -> int: ...
    @property
    def train_inputs(self) -> NDArray[np.float32]: ...
    @property
    def train_targets(self) -> NDArray[Any]: ...
    @property
    def validation_inputs(self) -> NDArray[np.float32]: ...
    @property
    def validation_targets(self) -> NDArray[Any]: ...
