"""Trials per hour on one device: one at a time, in several processes, and stacked; and whether their numbers hold.

    python benchmarks/gpu.py                  # on a GPU, at most 5 minutes
    python benchmarks/gpu.py --device cpu     # the same in small

It needs torch, numpy, pandas and pyarrow alone, and no Ray. It first checks that stacked and single training agree on
the device, that the bits of both repeat, and that a snapshot goes on to the same bits.
"""

import argparse
import functools
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from models.engine import train
from models.history import History
from models.plan import TrainingControl, TrainingPlan
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from models.stacking.shape import can_stack
from tune_jobs.trial.config import TrialConfig

WIDTHS = {"cpu": (8,), "cuda": (8, 32, 128)}
PROCESSES = {"cpu": (2,), "cuda": (4, 8)}


@dataclass(frozen=True)
class Data:
    """Random rows, with a fifth more to validate on."""

    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.generic]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[np.generic]
    task: str
    classes: int
    target_mean: float = 0.0
    target_std: float = 1.0
    target_transform: str = "none"


def draw(rows: int, shape: tuple[int, ...], classes: int) -> Data:
    """Draw inputs [rows, *shape] and targets: classes, or values of a regression where there are none."""
    generator = np.random.default_rng(0)
    total = rows + rows // 5
    inputs = generator.random((total, *shape), dtype=np.float32)
    targets = generator.integers(classes, size=total) if classes else inputs.reshape(total, -1).mean(axis=1)
    task = "classification" if classes else "regression"
    return Data(inputs[:rows], targets[:rows], inputs[rows:], targets[rows:], task, classes)


@dataclass(frozen=True)
class Problem:
    """What one trial trains: a configuration of a published study, and data of its shape; one epoch is timed."""

    name: str
    config: TrialConfig
    data: Data
    epochs: int


def problems(*, small: bool) -> list[Problem]:
    """The MLPs and the CNN of the shipped studies; small ones have fewer rows."""
    digits, images = (600, 600) if small else (50_000, 7_291)
    houses = TrialConfig(
        network="mlp", hidden_layers=3, hidden_units=40, batch_size=10, epochs=20, optimizer="rmsprop",
        objective="gaussian_nll",
    )  # fmt: skip
    mnist = TrialConfig(network="mlp", hidden_units=100, activation="sigmoid", batch_size=20, epochs=50)
    usps = TrialConfig(network="cnn", hidden_layers=2, hidden_units=16, objective="mse", batch_size=64, epochs=50)
    return [
        Problem("house-price MLP", houses, draw(1_168 if not small else 200, (79,), 0), 20),
        Problem("MNIST MLP", mnist, draw(digits, (1, 28, 28), 10), 50),
        Problem("USPS CNN", usps, draw(images, (1, 16, 16), 10), 50),
    ]


def single(
    problem: Problem, seed: int, device: str, epochs: int = 1, control: TrainingControl | None = None
) -> History:
    """Train one trial by itself."""
    plan = TrainingPlan(epochs=epochs)
    return train(problem.config, [seed], problem.data, plan=plan, control=control, device=device)[0].history


def stacked(
    problem: Problem, seeds: range, device: str, epochs: int = 1, control: TrainingControl | None = None
) -> list[History]:
    """Train one trial for each seed in a stack of as many."""
    plan = TrainingPlan(epochs=epochs)
    requests = [
        (seed, Request(problem.config, seed, problem.data, plan, control or TrainingControl())) for seed in seeds
    ]
    ended = dict(train_stacked(requests, width=max(8, len(seeds)), device=device))
    return [ended[seed].history for seed in seeds]


class _Kept:
    """The first snapshot of a training, to go on from."""

    def __init__(self) -> None:
        self.content: bytes | None = None

    def load(self) -> bytes | None:
        return self.content

    def due(self) -> bool:
        return self.content is None

    def save(self, content: bytes) -> None:
        self.content = content


def check(problem: Problem, device: str) -> list[str]:
    """Return what does not hold on the device, a line each."""
    wrong = []
    ways: dict[str, Callable[..., History]] = {"single": lambda control=None: single(problem, 3, device, 3, control)}
    if can_stack(problem.config):
        ways["stacked"] = lambda control=None: stacked(problem, range(3, 4), device, 3, control)[0]
    found = {}
    for way, run in ways.items():
        found[way] = run().validation_loss
        if run().validation_loss != found[way]:
            wrong.append(f"{problem.name}: the bits of {way} training do not repeat")
        kept = TrainingControl(snapshots=_Kept())
        if [run(kept).validation_loss, run(kept).validation_loss] != [found[way]] * 2:
            wrong.append(f"{problem.name}: a snapshot of {way} training does not go on to the same bits")
    if "stacked" in found and not np.allclose(found["single"], found["stacked"], rtol=0.02, atol=1e-3):
        wrong.append(f"{problem.name}: single {found['single']}, stacked {found['stacked']}")
    return wrong


def per_hour(problem: Problem, trials: int, seconds: float) -> float:
    """How many whole trials an hour has, if each of so many took one epoch in so many seconds together."""
    return 3600 * trials / seconds / problem.epochs


def _train_in_process(problem: Problem, seed: int, device: str, turns: Any) -> None:
    """Train once to warm up, and again together with the other processes."""
    single(problem, seed, device)
    turns.wait()
    single(problem, seed, device)
    turns.wait()


def in_processes(problem: Problem, count: int, device: str) -> float:
    """Seconds that one epoch takes in each of several processes that share the device."""
    context = multiprocessing.get_context("spawn")
    turns = context.Barrier(count + 1)
    workers = [context.Process(target=_train_in_process, args=(problem, seed, device, turns)) for seed in range(count)]
    for worker in workers:
        worker.start()
    turns.wait()
    start = time.perf_counter()
    turns.wait()
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.join()
    return seconds


def seconds_of(run: Callable[[], object]) -> float:
    """Seconds of a second run; the first warms up."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(problem: Problem, device: str) -> dict[str, float]:
    """Trials per hour, by way of training."""
    found = {"one at a time": per_hour(problem, 1, seconds_of(lambda: single(problem, 0, device)))}
    for count in PROCESSES[device]:
        found[f"{count} processes"] = per_hour(problem, count, in_processes(problem, count, device))
    if can_stack(problem.config):
        for width in WIDTHS[device]:
            took = seconds_of(functools.partial(stacked, problem, range(width), device))
            found[f"stacked, {width} wide"] = per_hour(problem, width, took)
    return found


def main() -> int:
    """Check, measure and print; return 1 if a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    device = parser.parse_args().device
    if device == "cuda" and not torch.cuda.is_available():
        print("there is no GPU here that CUDA can use; try --device cpu", file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, torch {torch.__version__}")
    wrong = [line for problem in problems(small=True) for line in check(problem, device)]
    for line in wrong:
        print(f"WRONG: {line}")
    if not wrong:
        print("stacked and single training agree, their bits repeat, and snapshots go on to the same bits")
    for problem in problems(small=device == "cpu"):
        found = measure(problem, device)
        alone = found["one at a time"]
        for way, rate in found.items():
            print(f"{problem.name:16} {way:18} {rate:10,.0f} trials an hour  {rate / alone:6.2f} times one at a time")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
