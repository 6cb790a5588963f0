"""A worker that is free leaves alone those that are starting."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from ray import tune
from ray.tune.experiment import Trial

from tune_jobs.study.resources import Resources
from tune_jobs.training import ray_session
from tune_jobs.training.free_workers import WaitingFirst
from tune_jobs.training.ray_tune import run_payloads
from tune_jobs.training.settings import Cluster

WORKERS, TRIALS = 5, 80


def nap(told: dict[str, Any], *, folder: str) -> None:
    """Take less time than a worker takes to start, and note the worker's process."""
    time.sleep(0.05)
    (Path(folder) / f"{told['trial']['key']}-{os.getpid()}").touch()
    tune.report({"slept": 0.05})


class Count(tune.Callback):
    """Sees nothing."""


def test_trials_shorter_than_the_start_of_a_worker_let_all_workers_come_up(tmp_path: Path) -> None:
    with ray_session.ray_running(Cluster(cpus=WORKERS), {}):
        run_payloads(
            tune.with_parameters(nap, folder=str(tmp_path)),
            iter([{"key": f"{number:03d}"} for number in range(TRIALS)]),
            resources=Resources(cpus_per_trial=1),
            at_once=WORKERS,
            max_concurrent=None,
            watch=Count(),
        )
    done = [path.name.split("-") for path in tmp_path.iterdir()]
    assert sorted(key for key, _ in done) == [f"{number:03d}" for number in range(TRIALS)]
    processes = {process for _, process in done}
    assert len(processes) == WORKERS


def controller(*trials: Any, starting: tuple[Any, ...] = (), **more: Any) -> Any:
    """Stand for what Tune gives a scheduler."""
    workers = SimpleNamespace(is_actor_started=lambda worker: worker in starting)
    known = {trial: trial for trial in trials}
    return SimpleNamespace(
        get_trials=lambda: list(trials),
        _tune_controller=SimpleNamespace(_trial_to_actor=known, _actor_manager=workers),
        **more,
    )


def waiting(name: str) -> Any:
    return Waits(name, Trial.PENDING)


class Waits(NamedTuple):
    """A trial of Tune's."""

    name: str
    status: str


def test_the_first_trial_without_a_worker_that_starts_is_chosen() -> None:
    runs, first, second = Waits("runs", Trial.RUNNING), waiting("first"), waiting("second")
    scheduler = WaitingFirst()
    assert scheduler.choose_trial_to_run(controller(runs, first, second)) is first
    assert scheduler.choose_trial_to_run(controller(runs, first, second, starting=(first,))) is second
    assert scheduler.choose_trial_to_run(controller(runs, first, starting=(first,))) is first, "no other is left"
    assert scheduler.choose_trial_to_run(controller(runs)) is None


def test_where_tune_does_not_say_which_worker_starts_its_own_order_holds() -> None:
    silent = SimpleNamespace(get_trials=lambda: [waiting("first"), waiting("second")])
    assert WaitingFirst().choose_trial_to_run(silent) == waiting("first")
