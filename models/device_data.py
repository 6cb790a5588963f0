"""A dataset on the device that trains on it, with the objective that encodes its targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.grid import grid_points
from models.objectives import Objective, score
from models.protocols import TrainingConfig, TrainingData
from models.registry import is_reference


@dataclass(frozen=True)
class Part:
    """The rows of the training or the validation part.

    Attributes:
        inputs: [n, *input_shape].
        targets: [n].
        encoded: targets in the form that the loss compares outputs with.
    """

    inputs: Tensor
    targets: Tensor
    encoded: Tensor


@dataclass(frozen=True)
class DeviceData:
    """Both parts on a device.

    Attributes:
        source: the data as given.
        objective: what is minimised on it.
        user_network: whether the network is the user's: then images keep the layout of the rows, since the network may
            view them so, and inputs that are used again are copied, since it may change them in place.
        grid: the points of `models.grid`, where inputs are two-dimensional.
    """

    source: TrainingData
    objective: Objective
    user_network: bool
    train: Part
    validation: Part
    grid: Tensor | None

    @classmethod
    def on_device(
        cls, config: TrainingConfig, data: TrainingData, objective: Objective, device: torch.device
    ) -> "DeviceData":
        """Copy the data to the device and encode the targets."""
        user_network = is_reference(config.network)

        def part(inputs: NDArray[np.float32], targets: NDArray[Any]) -> Part:
            on_device = torch.tensor(inputs, device=device)
            if on_device.dim() == 4 and not user_network:
                # Convolutions on the CPU are faster with the channels last in memory.
                on_device = on_device.contiguous(memory_format=torch.channels_last)
            classes_or_values = torch.tensor(targets, device=device)
            return Part(on_device, classes_or_values, objective.encode(classes_or_values))

        return cls(
            source=data,
            objective=objective,
            user_network=user_network,
            train=part(data.train_inputs, data.train_targets),
            validation=part(data.validation_inputs, data.validation_targets),
            grid=torch.tensor(grid_points(), device=device) if data.train_inputs.shape[1:] == (2,) else None,
        )

    @property
    def device(self) -> torch.device:
        """Where the data are."""
        return self.train.inputs.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return tuple(self.source.train_inputs.shape[1:])

    def loss_and_metric(self, part: Part, outputs: Tensor) -> tuple[float, float]:
        """Score a network's outputs [n, outputs] on all rows of a part."""
        loss = self.objective.loss(outputs, part.encoded)
        return float(loss), score(self.objective, outputs, part.targets, self.source)
