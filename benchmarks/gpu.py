"""Trials per hour on one device: one at a time, in several processes, and stacked; and whether their numbers hold.

    python benchmarks/gpu.py                  # on a GPU, at most 5 minutes
    python benchmarks/gpu.py --device cpu     # the same in small

It needs torch, numpy, pandas and pyarrow alone, and no Ray. It first checks that stacked and single training agree on
the device, that the bits of both repeat, that those of a member do not depend on the others, that a snapshot goes on
to the same bits, and, on a GPU, that CUDA graphs change no bit and that stacks take no more memory than was reckoned.
The rows are drawn at random, in the shapes of the published studies.
"""

import argparse
import logging
import math
import multiprocessing
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from models.array_data import ArrayData
from models.engine import train
from models.history import History
from models.plan import TrainingControl, TrainingPlan
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from models.stacking.shape import can_stack
from tune_jobs.stacking.memory import fitted
from tune_jobs.stacking.pilot import peaks
from tune_jobs.trial.config import TrialConfig

WIDTHS = {"cpu": (8,), "cuda": (8, 32, 128)}
PROCESSES = {"cpu": (2,), "cuda": (4, 8)}
# Of a stack in the checks: members beside the one that is looked at come and go.
PLACES = 8
# What has not begun by then is left out.
MOST_SECONDS = 270.0
PROCESS_SECONDS = 90.0


def draw(rows: int, shape: tuple[int, ...], classes: int) -> ArrayData:
    """Draw inputs [rows, *shape] and targets: classes, or values of a regression where there are none.

    A fifth as many rows are drawn to validate on.
    """
    generator = np.random.default_rng(0)
    total = rows + rows // 5
    inputs = generator.random((total, *shape), dtype=np.float32)
    targets = generator.integers(classes, size=total) if classes else inputs.reshape(total, -1).mean(axis=1)
    task = "classification" if classes else "regression"
    return ArrayData(inputs[:rows], targets[:rows], inputs[rows:], targets[rows:], task, classes)


@dataclass(frozen=True)
class Problem:
    """What one trial trains: a configuration of a published study, and data of its shape.

    Attributes:
        epochs: of a whole trial; one is timed.
        share: of the rows of the study that are timed.
    """

    name: str
    config: TrialConfig
    data: ArrayData
    epochs: int
    share: float = 1.0


def problems(*, small: bool) -> list[Problem]:
    """The MLPs and the CNN of the shipped studies; small ones have fewer rows."""
    digits, images = (400, 1_100) if small else (20_000, 7_291)
    houses = TrialConfig(
        dataset="house_prices", network="mlp", hidden_layers=3, hidden_units=40, batch_size=10, epochs=20,
        optimizer="rmsprop", objective="gaussian_nll",
    )  # fmt: skip
    mnist = TrialConfig(
        dataset="mnist", network="mlp", hidden_units=100, activation="sigmoid", batch_size=20, epochs=50
    )
    usps = TrialConfig(network="cnn", hidden_layers=2, hidden_units=16, objective="mse", batch_size=64, epochs=50)
    return [
        Problem("house-price MLP", houses, draw(1_168 if not small else 204, (79,), 0), 20),
        Problem("MNIST MLP", mnist, draw(digits, (1, 28, 28), 10), 50, 1.0 if small else digits / 50_000),
        Problem("USPS CNN", usps, draw(images, (1, 16, 16), 10), 50),
    ]


def drawing() -> Problem:
    """What draws while it trains: a small network with dropout and batch normalisation, for the checks alone."""
    config = TrialConfig(network="mlp", hidden_units=24, dropout=0.3, batch_norm=True, batch_size=16, epochs=9)
    return Problem("MLP with dropout", config, draw(400, (1, 8, 8), 10), 9)


@dataclass(frozen=True)
class Way:
    """How trials are trained.

    Attributes:
        device: "cpu" or "cuda".
        epochs: how far.
        graphs: whether steps are replayed from CUDA graphs.
    """

    device: str
    epochs: int = 1
    graphs: bool = True


def single(problem: Problem, seed: int, way: Way, control: TrainingControl | None = None) -> History:
    """Train one trial by itself."""
    plan = TrainingPlan(epochs=way.epochs)
    trained = train(
        problem.config, [seed], problem.data, plan=plan, control=control, device=way.device, graphs=way.graphs
    )
    return trained[0].history


def stacked(
    problem: Problem, seeds: Sequence[int], way: Way, control: TrainingControl | None = None, places: int = PLACES
) -> list[History]:
    """Train one trial for each seed in a stack; a negative seed stands for one that diverges."""
    plan = TrainingPlan(epochs=way.epochs)
    requests = [
        (
            seed,
            Request(
                problem.config if seed >= 0 else problem.config.replace(learning_rate=1e30),
                abs(seed),
                problem.data,
                plan,
                control or TrainingControl(),
            ),
        )
        for seed in seeds
    ]
    ended = dict(train_stacked(requests, width=places, places=places, device=way.device, graphs=way.graphs))
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


class _Warnings(logging.Handler):
    """Keeps what is warned of, such as that CUDA graphs cannot be had."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def ways_to_train(problem: Problem) -> dict[str, Callable[..., History]]:
    """The ways in which one trial of a problem can be trained, by name: functions of a `Way` and a control."""
    ways: dict[str, Callable[..., History]] = {"single": partial(single, problem, 3)}
    if can_stack(problem.config):
        ways["stacked"] = lambda way, control=None: stacked(problem, [3], way, control)[0]
    return ways


def check(problem: Problem, device: str) -> Iterator[str]:
    """Yield what does not hold on the device, a line each."""
    way = Way(device, 3)
    found = {}
    for name, run in ways_to_train(problem).items():
        found[name] = run(way).validation_loss
        if run(way).validation_loss != found[name]:
            yield f"{problem.name}: the bits of {name} training do not repeat"
        kept = TrainingControl(snapshots=_Kept())
        if [run(way, kept).validation_loss, run(way, kept).validation_loss] != [found[name]] * 2:
            yield f"{problem.name}: a snapshot of {name} training does not go on to the same bits"
        if device == "cuda" and run(Way(device, 3, graphs=False)).validation_loss != found[name]:
            yield f"{problem.name}: CUDA graphs change the bits of {name} training"
    if "stacked" not in found:
        return
    # On a GPU a stack draws in another way than a network by itself.
    alike = device == "cpu" or not problem.config.dropout
    if alike and not np.allclose(found["single"], found["stacked"], rtol=0.02, atol=1e-3):
        yield f"{problem.name}: single {found['single']}, stacked {found['stacked']}"
    for seeds in ([1, 3, 2], [-1, 2, 4, 5, 6, 7, 8, 3], [*range(10, 22), 3]):
        if stacked(problem, seeds, way)[seeds.index(3)].validation_loss != found["stacked"]:
            yield f"{problem.name}: the bits of a member depend on those beside it, seeds {seeds}"


def check_memory(whole: Sequence[Problem]) -> Iterator[str]:
    """Yield the stacks that take more memory of a GPU than is reckoned for them."""
    free = float(torch.cuda.mem_get_info()[0])
    memory = fitted(list(peaks("cuda")), free)
    if memory is None:
        yield "what stacks take of the memory cannot be fitted"
        return
    print(f"a stack takes {memory.fixed_bytes / 1e6:.0f} MB and {memory.factor:.2f} times what is counted", end=": ")
    print(", ".join(f"{one.name} {memory.places(one.config)} places" for one in whole if can_stack(one.config)))
    for problem in whole:
        if not can_stack(problem.config):
            continue
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        stacked(problem, range(PLACES), Way("cuda"))
        taken, reckoned = torch.cuda.max_memory_allocated(), memory.stack_bytes(problem.config, PLACES)
        if taken > reckoned:
            yield f"{problem.name}: a stack took {taken / 1e6:.0f} MB, and {reckoned / 1e6:.0f} were reckoned"


def per_hour(problem: Problem, trials: int, seconds: float) -> float:
    """How many whole trials an hour has, if each of so many took one epoch in so many seconds together."""
    return 3600 * trials / seconds / problem.epochs * problem.share


def _train_in_process(problem: Problem, seed: int, device: str, turns: Any) -> None:
    """Train once to warm up, and again together with the other processes."""
    single(problem, seed, Way(device))
    turns.wait(PROCESS_SECONDS)
    single(problem, seed, Way(device))
    turns.wait(PROCESS_SECONDS)


def in_processes(problem: Problem, count: int, device: str) -> float:
    """Seconds that one epoch takes in each of several processes that share the device."""
    context = multiprocessing.get_context("spawn")
    turns = context.Barrier(count + 1)
    workers = [context.Process(target=_train_in_process, args=(problem, seed, device, turns)) for seed in range(count)]
    for worker in workers:
        worker.start()
    try:
        turns.wait(PROCESS_SECONDS)
        start = time.perf_counter()
        turns.wait(PROCESS_SECONDS)
        return time.perf_counter() - start
    except BrokenBarrierError:
        raise RuntimeError(f"{count} processes do not come through") from None
    finally:
        for worker in workers:
            worker.join(PROCESS_SECONDS)
            worker.kill()


def seconds_of(run: Callable[[], object]) -> float:
    """Seconds of a second run; the first warms up."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measures(problem: Problem, device: str) -> Iterator[tuple[str, int, Callable[[], float]]]:
    """Yield the ways to train: a name, the trials that train at once, and what gives the seconds of an epoch."""
    graphs = {"": False, ", CUDA graphs": True} if device == "cuda" else {"": False}
    for words, used in graphs.items():
        way = Way(device, graphs=used)
        yield f"one at a time{words}", 1, partial(seconds_of, partial(single, problem, 0, way))
    for count in PROCESSES[device]:
        yield f"{count} processes", count, partial(in_processes, problem, count, device)
    if not can_stack(problem.config):
        return
    for width in WIDTHS[device]:
        for words, used in graphs.items():
            run = partial(stacked, problem, range(width), Way(device, graphs=used), None, width)
            yield f"stacked, {width} wide{words}", width, partial(seconds_of, run)


def report(problem: Problem, device: str, end: float) -> Iterator[str]:
    """Print trials per hour, by way of training; yield what raises, a line each.

    Args:
        problem: to train.
        device: to train on.
        end: when to leave out the rest, in seconds of `time.monotonic`.
    """
    alone: float | None = None
    for name, trials, seconds in measures(problem, device):
        if time.monotonic() > end:
            print(f"{problem.name:16} {name:30} left out: the time is up")
            continue
        try:
            rate = per_hour(problem, trials, seconds())
        except Exception as error:
            yield f"{problem.name}, {name}: {_last_line(error)}"
            continue
        alone = rate if alone is None else alone
        print(f"{problem.name:16} {name:30} {rate:10,.0f} trials an hour {rate / alone:8.2f} times one at a time")


def found_wrong(lines: Iterator[str], name: str) -> list[str]:
    """Collect the lines of a check; one that raises is wrong too."""
    found: list[str] = []
    try:
        found += lines
    except Exception as error:
        traceback.print_exc()
        found.append(f"{name}: {_last_line(error)}")
    for line in found:
        print(f"WRONG: {line}", flush=True)
    return found


def _last_line(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def main() -> int:
    """Check, measure and print; return 1 if a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    device = parser.parse_args().device
    end = time.monotonic() + MOST_SECONDS if device == "cuda" else math.inf
    if device == "cuda" and not torch.cuda.is_available():
        print("there is no GPU here that CUDA can use; try --device cpu", file=sys.stderr)
        return 2
    warned = _Warnings()
    logging.getLogger("models").addHandler(warned)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, torch {torch.__version__}", flush=True)
    small, whole = problems(small=True), problems(small=device == "cpu")
    wrong = [line for problem in (*small, drawing()) for line in found_wrong(check(problem, device), problem.name)]
    if device == "cuda":
        wrong += found_wrong(check_memory(whole), "memory")
    wrong += found_wrong(iter(dict.fromkeys(warned.lines)), "warnings")
    if not wrong:
        print("single and stacked training agree, their bits repeat and depend on no mate, and snapshots go on to them")
    for problem in whole:
        wrong += found_wrong(report(problem, device, end), problem.name)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
