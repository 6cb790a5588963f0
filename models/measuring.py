"""What is measured of a network after an epoch."""

import torch
from torch import Tensor, nn

from models.device_data import DeviceData
from models.history import EpochRow, Measurement
from models.learner import TrainedEpoch
from models.objectives import score

_BATCH = 1024


@torch.no_grad()
def evaluate(network: nn.Module, inputs: Tensor, data: DeviceData) -> Tensor:
    """Return the outputs [n, outputs] for inputs [n, *input_shape] in evaluation mode."""
    network.eval()
    parts = torch.split(inputs, _BATCH)
    return torch.cat([network(part.clone() if data.user_network else part) for part in parts])


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
