"""Seconds of an epoch of one perceptron: in a textbook loop, by itself in the engine, and as a member of a stack.

    python benchmarks/stacked_epochs.py

The networks are those of shusrith_2025, an MLP on images of MNIST's shape in batches of 20, with one thread and Adam;
20,000 images are drawn at random. All ways train in turn, a first time to warm up.
"""

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from models.array_data import ArrayData
from models.engine import train
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from tune_jobs.trial.config import TrialConfig

REPEATS = 3
ROWS = 20_000
# Layers and units of each.
NETWORKS = ((1, 50), (1, 100), (1, 200), (3, 50), (3, 100), (3, 200))


def textbook(config: TrialConfig, data: ArrayData) -> float:
    """Seconds of an epoch in a loop as tutorials write it."""
    torch.set_num_threads(1)
    widths = [data.train_inputs[0].size] + [config.hidden_units] * config.hidden_layers
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Sigmoid()]
    network = nn.Sequential(*layers, nn.Linear(widths[-1], data.classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    rows = TensorDataset(torch.from_numpy(data.train_inputs), torch.from_numpy(data.train_targets))
    loader = DataLoader(rows, batch_size=config.batch_size, shuffle=True)
    start = time.perf_counter()
    for inputs, targets in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return time.perf_counter() - start


def singly(config: TrialConfig, data: ArrayData) -> float:
    """Seconds of an epoch, as the engine records them."""
    return train(config, [0], data)[0].history.train_seconds[0]


def stacked(members: int) -> Callable[[TrialConfig, ArrayData], float]:
    """Make what measures the share of one member in an epoch of a stack, as its engine records it."""

    def seconds(config: TrialConfig, data: ArrayData) -> float:
        requests = [(seed, Request(config, seed, data)) for seed in range(members)]
        return dict(train_stacked(requests, width=members))[0].history.train_seconds[0]

    return seconds


WAYS: Mapping[str, Callable[[TrialConfig, ArrayData], float]] = {
    "textbook loop": textbook,
    "by itself": singly,
    "stack of 3": stacked(3),
    "stack of 8": stacked(8),
}


def main() -> None:
    """Time all ways in turn; print medians, and each stack's share of what a network takes by itself."""
    generator = np.random.default_rng(0)
    inputs = generator.random((ROWS + 1_000, 1, 28, 28), dtype=np.float32)
    targets = generator.integers(10, size=ROWS + 1_000)
    data = ArrayData(inputs[:ROWS], targets[:ROWS], inputs[ROWS:], targets[ROWS:], "classification", classes=10)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread, n={REPEATS}; median seconds an epoch")
    print("".join(f"{title:>16s}" for title in ("layers x units", *WAYS)))
    for layers, units in NETWORKS:
        config = TrialConfig(
            dataset="mnist", network="mlp", hidden_layers=layers, hidden_units=units, activation="sigmoid",
            batch_size=20, epochs=1,
        )  # fmt: skip
        found: dict[str, list[float]] = {name: [] for name in WAYS}
        for repeat in range(REPEATS + 1):
            for name, way in WAYS.items():
                seconds = way(config, data)
                if repeat:
                    found[name].append(seconds)
        medians = {name: statistics.median(values) for name, values in found.items()}
        alone = medians["by itself"]
        cells = [
            f"{value:.3f} ({value / alone:.2f})" if name.startswith("stack") else f"{value:.3f}"
            for name, value in medians.items()
        ]
        print("".join(f"{cell:>16s}" for cell in (f"{layers} x {units}", *cells)), flush=True)


if __name__ == "__main__":
    main()
