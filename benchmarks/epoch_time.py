"""Seconds per epoch of the engine against a textbook loop, side by side in one run.

    python benchmarks/epoch_time.py

Both train the default network of the USPS study (two convolutions of 16 channels, MSE, Adam, batch 64) on 6,000
generated 16x16 images with one thread; the repetitions of the two are interleaved.
"""

import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from models.array_data import ArrayData
from models.engine import train
from tune_jobs.trial.config import TrialConfig

REPEATS = 7
CONFIG = TrialConfig(
    dataset="usps", network="cnn", hidden_layers=2, hidden_units=16, objective="mse", batch_size=64, epochs=2
)


def textbook(data: ArrayData) -> float:
    """Seconds of the second epoch in a loop as tutorials write it: DataLoader, activation first, plain Adam."""
    torch.set_num_threads(1)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=CONFIG.learning_rate)
    rows = TensorDataset(torch.tensor(data.train_inputs), torch.tensor(data.train_targets))
    loader = DataLoader(rows, batch_size=CONFIG.batch_size, shuffle=True)
    ends = [time.perf_counter()]
    for _ in range(CONFIG.epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            one_hot = nn.functional.one_hot(targets, 10).float()
            nn.functional.mse_loss(network(images), one_hot).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        ends.append(time.perf_counter())
    return ends[2] - ends[1]


def engine(data: ArrayData) -> float:
    """Seconds of the second epoch, as the engine records them."""
    seconds = train(CONFIG, [0], data)[0].history.train_seconds
    return seconds[1] - seconds[0]


def main() -> None:
    """Time both in turn; print median and range."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(6600, 1, 16, 16)).astype("float32")
    targets = generator.integers(0, 10, size=6600)
    data = ArrayData(inputs[:6000], targets[:6000], inputs[6000:], targets[6000:], "classification", classes=10)
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    print(f"{processor or platform.processor()}, torch {torch.__version__}, 1 thread, n={REPEATS}")
    seconds: dict[str, list[float]] = {"textbook loop": [], "engine": []}
    for repeat in range(REPEATS + 1):
        for name, work in (("textbook loop", textbook), ("engine", engine)):
            measured = work(data)
            if repeat:  # the first of each warms up
                seconds[name].append(measured)
    for name, values in seconds.items():
        middle = statistics.median(values)
        print(f"{name:14s} median {middle:.3f} s/epoch  ({min(values):.3f} to {max(values):.3f})")
    print(f"ratio of medians {statistics.median(seconds['textbook loop']) / statistics.median(seconds['engine']):.2f}")


if __name__ == "__main__":
    main()
