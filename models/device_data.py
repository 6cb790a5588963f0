"""A dataset on the device that trains on it, with the objective that encodes its targets."""

from collections.abc import Callable
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
from models.user_code import has_user_code

# Inputs and targets of a part.
_Rows = tuple[NDArray[np.float32], NDArray[Any]]
_Uploaded = tuple[Tensor, Tensor]


def _parts(data: TrainingData) -> tuple[_Rows, _Rows]:
    return (data.train_inputs, data.train_targets), (data.validation_inputs, data.validation_targets)


def _upload(
    inputs: NDArray[np.float32], targets: NDArray[Any], device: torch.device, *, channels_last: bool = True
) -> _Uploaded:
    on_device = torch.tensor(inputs, device=device)
    if on_device.dim() == 4 and channels_last:
        # Convolutions on the CPU are faster with the channels last in memory.
        on_device = on_device.contiguous(memory_format=torch.channels_last)
    return on_device, torch.tensor(targets, device=device)


def chosen_rows(rows: Tensor, chosen: Tensor) -> Tensor:
    """Return the chosen rows [m, …] of [n, …], in the same layout of memory.

    On a CPU an index would take three times as long.
    """
    if rows.is_cuda:
        return rows[chosen]
    last = rows.dim() == 4 and not rows.is_contiguous()
    stored = rows.permute(0, 2, 3, 1) if last else rows
    if not stored.is_contiguous():
        return rows[chosen]
    taken = stored.view(len(stored), -1).index_select(0, chosen).view(len(chosen), *stored.shape[1:])
    return taken.permute(0, 3, 1, 2) if last else taken


class Uploads:
    """The dataset that this process trained on last, on its device, for the next training on the same.

    Only the last is kept: when another comes, its memory is free.

    Args:
        upload: takes the inputs and targets of a part to a device.
    """

    def __init__(
        self, upload: Callable[[NDArray[np.float32], NDArray[Any], torch.device], _Uploaded] = _upload
    ) -> None:
        self._upload = upload
        self._last: tuple[TrainingData, torch.device, tuple[_Uploaded, _Uploaded]] | None = None

    def of(self, data: TrainingData, device: torch.device) -> tuple[_Uploaded, _Uploaded]:
        """Return the inputs and targets of the training and the validation part on a device.

        Args:
            data: the same object for the same data; its arrays must not change.
            device: to train on.
        """
        if self._last is not None and self._last[0] is data and self._last[1] == device:
            return self._last[2]
        self._last = None
        train, validation = (self._upload(*rows, device) for rows in _parts(data))
        self._last = data, device, (train, validation)
        return train, validation


UPLOADS = Uploads()


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
        """Take the data to the device, unless they are there, and encode the targets."""
        user_network = is_reference(config.network)
        if has_user_code(config):
            # It may change them.
            train, validation = (_upload(*rows, device, channels_last=not user_network) for rows in _parts(data))
        else:
            train, validation = UPLOADS.of(data, device)

        def part(inputs: Tensor, targets: Tensor) -> Part:
            return Part(inputs, targets, objective.encode(targets))

        return cls(
            source=data,
            objective=objective,
            user_network=user_network,
            train=part(*train),
            validation=part(*validation),
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
