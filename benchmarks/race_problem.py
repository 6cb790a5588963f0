"""What the contenders of `search_race.py` share: data, search space, the two training loops, the time stamps."""

import csv
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_utils import TrialData, load_trial_data
from models.history import History
from models.registry import ACTIVATIONS
from tune_jobs.trial.config import TrialConfig

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

EPOCHS = 20
GRACE_EPOCHS = 1
REDUCTION_FACTOR = 3
EVALUATION_BATCH = 64
COLUMNS = ("seconds", "trial", "epoch", "validation_accuracy")

OnEpoch = Callable[[int, float], None]
Train = Callable[[TrialConfig, TrialData, OnEpoch], None]


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter of the space: `choices`, or a range from `low` to `high`, both included.

    Attributes:
        only: values of other hyperparameters with which it has an effect.
    """

    choices: Sequence[Any] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    only: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int)


SPACE: Mapping[str, Dimension] = {
    "hidden_layers": Dimension(low=1, high=3),
    "hidden_units": Dimension(low=8, high=64, log=True),
    "kernel_size": Dimension(choices=(3, 5)),
    "batch_norm": Dimension(choices=(False, True)),
    "dropout": Dimension(low=0.0, high=0.5),
    "optimizer": Dimension(choices=("adam", "nesterov")),
    "learning_rate": Dimension(low=1e-4, high=3e-1, log=True),
    "momentum": Dimension(low=0.5, high=0.99, only={"optimizer": "nesterov"}),
    "weight_decay": Dimension(low=1e-6, high=1e-2, log=True),
    "batch_size": Dimension(choices=(32, 64, 128)),
}


def dataset_name(data_dir: Path) -> str:
    """The dataset to use: "usps" if its files are in the data folder, else scikit-learn's "digits"."""
    return "usps" if (data_dir / "USPS" / "usps.bz2").exists() else "digits"


def load_data(data_dir: Path) -> TrialData:
    """Load the training and the validation part, the same for every contender and repetition."""
    return load_trial_data(dataset_name(data_dir), data_dir=data_dir, download=False)


def trial_config(dataset: str, seed: int, chosen: Mapping[str, Any]) -> TrialConfig:
    """The configuration of a point of the space, for every contender.

    Args:
        dataset: its name.
        seed: of weights and shuffling, the same for all trials of a repetition.
        chosen: a value for each hyperparameter; those without an effect at this point may be left out.
    """
    return TrialConfig(dataset=dataset, network="cnn", epochs=EPOCHS, seed=seed, **chosen)


def train_textbook(config: TrialConfig, data: TrialData, on_epoch: OnEpoch) -> None:
    """Train as the examples of Ray Tune and Optuna do: DataLoader, eager, accuracy over batches, one thread.

    Ray's `mnist_pytorch.py` and Optuna's `pytorch_simple.py` have the same loop. `on_epoch` is called with the epoch,
    from 1, and the validation accuracy in percent; it may raise to end the trial.
    """
    # Imported here, as below: only processes that train need torch.
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    train_rows = TensorDataset(torch.tensor(data.train_inputs), torch.tensor(data.train_targets))
    validation_rows = TensorDataset(torch.tensor(data.validation_inputs), torch.tensor(data.validation_targets))
    train_loader = DataLoader(train_rows, batch_size=config.batch_size, shuffle=True)
    validation_loader = DataLoader(validation_rows, batch_size=EVALUATION_BATCH)
    network = _textbook_network(config, tuple(data.train_inputs.shape[1:]), data.classes)
    optimizer = _textbook_optimizer(config, network)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, config.epochs + 1):
        network.train()
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            loss = criterion(network(inputs), targets)
            loss.backward()
            optimizer.step()
        network.eval()
        correct = total = 0
        with torch.no_grad():
            for inputs, targets in validation_loader:
                predicted = network(inputs).argmax(dim=1)
                total += targets.size(0)
                correct += int((predicted == targets).sum())
        on_epoch(epoch, 100 * correct / total)


def train_engine(config: TrialConfig, data: TrialData, on_epoch: OnEpoch) -> None:
    """Train with the project's engine; `on_epoch` as in `train_textbook`."""
    from models.engine import train
    from models.plan import TrainingControl

    def measured(history: History) -> None:
        on_epoch(history.epochs, history.validation_metric[-1])

    train(config, [config.seed], data, control=TrainingControl(on_epoch=measured))


def _textbook_network(config: TrialConfig, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
    """The same convolutional network in plain PyTorch, pooled first as in Ray's example."""
    from torch import nn

    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for _ in range(config.hidden_layers):
        layers.append(nn.Conv2d(channels, config.hidden_units, config.kernel_size, padding=config.kernel_size // 2))
        if config.batch_norm:
            layers.append(nn.BatchNorm2d(config.hidden_units))
        layers += [nn.MaxPool2d(2), ACTIVATIONS[config.activation].load()()]
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
        channels, height, width = config.hidden_units, height // 2, width // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, classes))


def _textbook_optimizer(config: TrialConfig, network: "nn.Module") -> "Optimizer":
    import torch

    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.SGD(network.parameters(), lr=rate, momentum=config.momentum, weight_decay=decay, nesterov=True)


@dataclass(frozen=True)
class Stamps:
    """Appends a line to a contender's CSV for each finished epoch, from any of its processes.

    Attributes:
        path: absolute path of the CSV; `search_race.py` describes its format.
        started: when the contender was started, in seconds since 1970.
    """

    path: str
    started: float

    def write(self, trial: str, epoch: int, accuracy: float, *, at: float | None = None) -> None:
        """Record that a trial has finished an epoch, at a time in seconds since 1970 (default: now)."""
        line = f"{(at or time.time()) - self.started:.3f},{trial},{epoch},{accuracy:.4f}\n".encode()
        # A single write to a file opened for appending, so lines of several processes never mix.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Stamp:
    """A line of a contender's CSV; see `search_race.py`."""

    seconds: float
    trial: str
    epoch: int
    accuracy: float


def read_stamps(path: Path) -> list[Stamp]:
    """Read the lines of a contender's CSV, in order of time; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as lines:
        rows = [Stamp(float(row[0]), row[1], int(row[2]), float(row[3])) for row in csv.reader(lines)]
    return sorted(rows, key=lambda row: row.seconds)
