"""What is measured of a network after an epoch."""

import torch
from torch import Tensor, nn

from models.device_data import DeviceData
from models.history import EpochRow, Measurement
from models.learner import TrainedEpoch
from models.objectives import score

_BATCH = 1024
# Of a convolutional network on one core: the activations of more inputs leave its cache, at 1.5 times the time.
_IN_CACHE = 64


@torch.no_grad()
def evaluate(network: nn.Module, inputs: Tensor, data: DeviceData) -> Tensor:
    """Return the outputs [n, outputs] for inputs [n, *input_shape] in evaluation mode."""
    network.eval()
    parts = torch.split(inputs, _BATCH)
    if data.user_network:
        parts = tuple(part.clone() for part in parts)
    elif inputs.device.type == "cpu" and torch.get_num_threads() == 1 and _has_convolutions(network):
        parts = tuple(small for part in parts for small in in_cache(part))
    return torch.cat([network(part) for part in parts])


def in_cache(inputs: Tensor) -> tuple[Tensor, ...]:
    """Divide inputs [n, …] into parts of 64 to 127, or as they are if they are fewer.

    The outputs stay the same bits: products round by the number of their rows only where these are few.
    """
    before = max(1, len(inputs) // _IN_CACHE) - 1
    return torch.split(inputs, [*([_IN_CACHE] * before), len(inputs) - before * _IN_CACHE])


def _has_convolutions(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in network.modules())


def epoch_row(trained: TrainedEpoch, validation_outputs: Tensor, data: DeviceData) -> EpochRow:
    """Score an epoch: running means in training mode, and the outputs [n, outputs] on the validation part after it."""
    validation_loss, validation_metric = data.loss_and_metric(data.validation, validation_outputs)
    return EpochRow(
        train_loss=float((trained.losses * trained.sizes).sum() / trained.sizes.sum()),
        train_metric=score(data.objective, trained.outputs, trained.targets, data.source),
        validation_loss=validation_loss,
        validation_metric=validation_metric,
        learning_rate=trained.learning_rate,
        seconds=trained.seconds,
    )


def measure(network: nn.Module, data: DeviceData, validation_outputs: Tensor) -> Measurement:
    """Measure the whole training part and the grid, and keep the outputs [n, outputs] on the validation part."""
    train_loss, train_metric = data.loss_and_metric(data.train, evaluate(network, data.train.inputs, data))
    return Measurement(
        train_loss=train_loss,
        train_metric=train_metric,
        validation_outputs=validation_outputs.cpu().numpy(),
        grid_outputs=None if data.grid is None else evaluate(network, data.grid, data).cpu().numpy(),
    )
