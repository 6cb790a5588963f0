"""How many trials at once a driver keeps fed: a simulated cluster whose trials only wait.

    python benchmarks/many_workers.py [--workers 25 50 100] [--seconds-each 1.0] [--window 60]

Starts a Ray cluster of logical CPUs on this machine, and hands out groups of trials as a run does: by the same
grouping, launch, reports and progress. The trials sleep instead of training, so what is measured is the driver: once
all workers are up, the share of their time in which they are busy, and what a worker's turn costs the driver. Prints
what follows from that for clusters that do not fit on this machine.
"""

import argparse
import logging
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import tune
from ray.cluster_utils import Cluster

from tune_jobs.capacity.ray_private import few_processes, keep_messages_out, keep_trackers_out
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.study.resources import Resources
from tune_jobs.training.groups import Groups
from tune_jobs.training.progress import Progress
from tune_jobs.training.ray_tune import run_payloads
from tune_jobs.training.table_launch import TableWatch
from tune_jobs.training.trainable import REPORT_PERIOD_SECONDS
from tune_jobs.training.worker_report import ENDED, LOG, TRAINING
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial
from tune_jobs.workers.forking import IMPORTED_BY_RAY, ForkServer

_CPUS_OF_NODE = 25
_ON_PAPER = (500, 2_000, 10_000)
# Until so many workers have started on a machine with few cores.
_START_SECONDS = 900.0


def sleep_group(tune_config: Mapping[str, Any], *, seconds: float) -> None:
    """Take as long for each trial of a group as if it trained, and report as a worker does."""
    tune.report({"node": ray.get_runtime_context().get_node_id()})
    endings: list[tuple[str, str, str, float, None]] = []
    reported = time.monotonic()
    for values in tune_config["trial"]["trials"].payloads:
        time.sleep(seconds)
        endings.append((values["key"], "completed", "", seconds, None))
        if time.monotonic() - reported >= REPORT_PERIOD_SECONDS:
            tune.report({TRAINING: [], ENDED: endings, LOG: []})
            endings, reported = [], time.monotonic()
    tune.report({TRAINING: [], ENDED: endings, LOG: []})


@dataclass
class Window(tune.Stopper):
    """What happened from when all workers were up until the window was over, which ends the run."""

    workers: int
    seconds: float
    began: float = 0.0
    cpu_began: float = 0.0
    cpu: float = 0.0
    wall: float = 0.0
    turns: int = 0
    reports: int = 0
    trials: int = 0
    _up: set[str] = field(default_factory=set)

    def saw(self, worker: str, result: Mapping[str, Any]) -> None:
        """Count a report."""
        if not self.began:
            self._up.add(worker)
            if len(self._up) >= self.workers:
                self.began, self.cpu_began = time.perf_counter(), driver_seconds()
            return
        self.reports += 1
        self.turns += "node" in result
        self.trials += len(result.get(ENDED, ()))
        self.wall, self.cpu = time.perf_counter() - self.began, driver_seconds() - self.cpu_began

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Whether the window is over."""
        return self.wall >= self.seconds


class CountingWatch(TableWatch):
    """Shows progress as a run does, and counts."""

    def __init__(self, progress: Progress, storage: Storage, groups: Groups, window: Window) -> None:
        super().__init__(progress, storage, "many workers", groups)
        self._window = window

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        super().on_trial_result(iteration, trials, trial, result, **info)
        # A reused worker keeps its process.
        self._window.saw(f"{result['pid']}", result)


def driver_seconds() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def cluster(workers: int) -> Iterator[None]:
    """Run a Ray cluster with so many logical CPUs."""
    # As forks the workers share most of their memory, and more of them fit on this machine.
    server = ForkServer(IMPORTED_BY_RAY, "ray.tune")
    nodes = Cluster()
    left = workers
    with few_processes(), server.starts_workers():
        while left > 0:
            nodes.add_node(num_cpus=min(left, _CPUS_OF_NODE), include_dashboard=False, object_store_memory=100 * 2**20)
            left -= _CPUS_OF_NODE
    keep_trackers_out()
    ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
    keep_messages_out()
    try:
        yield
    finally:
        ray.shutdown()
        nodes.shutdown()  # type: ignore[no-untyped-call]
        server.end()


def measure(workers: int, seconds: float, window_seconds: float) -> Window:
    """Keep so many workers busy with trials of so many seconds; return what was seen."""
    config = TrialConfig(epochs=1)
    enough = int(workers * (_START_SECONDS + window_seconds) / seconds)
    trials = [Trial(f"{number:07d}", config, 1, frozenset({1})) for number in range(enough)]
    groups, window = Groups(trials, workers), Window(workers, window_seconds)
    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        cluster(workers),
    ):
        storage = Storage.at(folder)
        Ledger.open(storage, create=True)
        progress = Progress(trials, {}, stream=nowhere)
        run_payloads(
            tune.with_parameters(sleep_group, seconds=seconds),
            iter(groups),
            resources=Resources(cpus_per_trial=1),
            at_once=workers,
            max_concurrent=None,
            watch=CountingWatch(progress, storage, groups, window),
            stop=window,
        )
        progress.close()
    return window


def main() -> None:
    """Measure each size, and print a line for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[25, 50, 100])
    parser.add_argument("--seconds-each", type=float, default=1.0, help="of a trial")
    parser.add_argument("--window", type=float, default=60.0, help="seconds to measure, once all workers are up")
    asked = parser.parse_args()
    os.environ.update({"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"})
    print("workers   busy  s a group  reports/s  driver busy  driver ms a turn", flush=True)
    costs = []
    for workers in asked.workers:
        seen = measure(workers, asked.seconds_each, asked.window)
        busy = seen.trials * asked.seconds_each / (workers * seen.wall)
        turn = seen.cpu / seen.turns
        costs.append(turn)
        print(
            f"{workers:7d}  {busy:4.0%}  {workers * seen.wall / seen.turns:9.1f}  {seen.reports / seen.wall:9.1f}"
            f"  {seen.cpu / seen.wall:11.0%}  {1000 * turn:16.1f}",
            flush=True,
        )
    for workers in _ON_PAPER:
        print(
            f"on paper, {workers:,} workers at {1000 * costs[-1]:.0f} ms a turn: the driver is busy all the time with "
            f"groups of {workers * costs[-1]:.0f} s, half of it with {2 * workers * costs[-1]:.0f} s"
        )


if __name__ == "__main__":
    main()
