"""Runs pilots through Ray Tune, on the same workers and as many at once as the trials of the run."""

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray import tune

from data_utils import TrialData
from models.history import COMPLETED
from models.version import STACKED
from tune_jobs.forecast.estimate import Pilot
from tune_jobs.forecast.pilot_samples import MOST_SECONDS, PilotResults, Sample, seconds_for_pilot, that_fit
from tune_jobs.forecast.pilot_timing import time_shape
from tune_jobs.ledger import provenance
from tune_jobs.ledger.record import FAILED
from tune_jobs.study.resources import Resources
from tune_jobs.training.groups import LEAST_IN_STACK
from tune_jobs.training.job import Job, from_payload, payload
from tune_jobs.training.progress import Progress
from tune_jobs.training.ray_tune import run_payloads
from tune_jobs.training.stack_training import width_for
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot

# Each shape is timed twice, some time apart, to show a passing load.
_ROUNDS = 2


def run_pilots(
    samples: Sequence[Sample],
    data: Mapping[str, TrialData],
    job: Job,
    *,
    resources: Resources,
    at_once: int,
    max_concurrent: int | None,
    seconds: float,
) -> PilotResults:
    """Time shapes, those with the largest shares of the work first. Ray must be running.

    Nothing is written to the job's storage, and no test row is read.

    Args:
        samples: one for each shape, with shares that sum to 1.
        data: by `tune_jobs.trial.data.data_slot`.
        job: of the run to come.
        resources: of each trial.
        at_once: how many trials will run at once; at least as many pilots do.
        max_concurrent: as for the run.
        seconds: for all shapes together, roughly; shapes that do not fit into `MOST_SECONDS` are left out.
    """
    rounds = max(_ROUNDS, math.ceil(at_once / max(len(samples), 1)))
    ordered = sorted(samples, key=lambda sample: -sample.share)
    wanted = [
        {
            "key": f"pilot-{number}-{turn}",
            "shape": sample.shape,
            "trial": payload(sample.trial),
            "members": _members(sample, job, at_once),
            "seconds": seconds_for_pilot(sample.share, len(samples), seconds * at_once / rounds),
        }
        for turn in range(rounds)
        for number, sample in enumerate(ordered)
    ]
    payloads = that_fit(wanted, MOST_SECONDS * at_once)
    labels = {sample.shape: sample.label for sample in samples}
    watch = _Collect(payloads, labels)
    references = {name: ray.put(part) for name, part in data.items()}
    start = time.time()
    try:
        run_payloads(
            tune.with_parameters(_time_one, job=job, data=references),
            iter(payloads),
            resources=resources,
            at_once=at_once,
            max_concurrent=max_concurrent,
            watch=watch,
            restarts=0,
        )
    finally:
        watch.progress.close()
    if len(watch.progress.finished) < len(payloads):
        # On an interrupt Tune stops and returns.
        raise KeyboardInterrupt
    return _gathered(watch, start, time.time())


def _members(sample: Sample, job: Job, workers: int) -> int:
    """How many trials of a shape will train at once in a stack, roughly; 1 for one that trains singly."""
    if sample.trial.mode != STACKED:
        return 1
    each = max(math.ceil(sample.trials / workers), min(sample.trials, LEAST_IN_STACK))
    return min(sample.trials, width_for(each, job.stack_width))


def _time_one(tune_config: Mapping[str, Any], *, job: Job, data: Mapping[str, Any]) -> None:
    """Time one shape in a worker, and report it."""
    wanted = tune_config["trial"]
    started = time.time()
    worker = f"{provenance.host()}:{os.getpid()}"
    trial = from_payload(wanted["trial"])
    part = ray.get(data[data_slot(trial.config)])
    timed = time_shape(wanted["shape"], trial, part, job, wanted["seconds"], wanted["members"])
    found = {"failure": timed} if isinstance(timed, str) else {"pilot": dataclasses.asdict(timed)}
    tune.report({"finished": True, "worker": worker, "started": started, "ended": time.time(), **found})


class _Collect(tune.Callback):
    """Collects what the pilots report, and shows how far they are."""

    def __init__(self, payloads: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> None:
        self.pilots: list[Pilot] = []
        self.failures: dict[str, str] = {}
        self.turns: dict[str, list[tuple[float, float]]] = {}
        self._labels = labels
        trials = [
            dataclasses.replace(from_payload(wanted["trial"]), key=wanted["key"], epochs=1) for wanted in payloads
        ]
        named = {wanted["key"]: labels[wanted["shape"]] for wanted in payloads}
        self.progress = Progress(trials, named, weigh=_equally, counted="pilots")

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        wanted = trial.config["trial"]
        if "worker" not in result:
            return
        self.turns.setdefault(result["worker"], []).append((result["started"], result["ended"]))
        if "pilot" in result:
            self.pilots.append(Pilot(**result["pilot"]))
        if "failure" in result:
            self._failed(wanted, result["failure"])
        else:
            self.progress.ended(wanted["key"], COMPLETED, "")

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        lines = str(trial.get_error() or "its worker was lost").strip().splitlines()
        self._failed(trial.config["trial"], lines[-1])

    def _failed(self, wanted: Mapping[str, Any], reason: str) -> None:
        said = wanted["shape"] in self.failures
        self.failures[wanted["shape"]] = reason
        self.progress.ended(wanted["key"], COMPLETED if said else FAILED, reason)


def _equally(config: TrialConfig) -> float:
    return 1.0


def _gathered(watch: _Collect, start: float, end: float) -> PilotResults:
    # By worker: when each of its pilots started and ended.
    turns = [sorted(spans) for spans in watch.turns.values()]
    between = [max(0.0, after[0] - before[1]) for spans in turns for before, after in itertools.pairwise(spans)]
    first = min((spans[0][0] for spans in turns), default=end)
    last = max((spans[-1][1] for spans in turns), default=end)
    pilots = [
        dataclasses.replace(one, epoch_seconds=tuple(one.epoch_seconds))
        for one in watch.pilots
        if one.shape not in watch.failures
    ]
    return PilotResults(pilots, watch.failures, between, max(0.0, first - start), max(0.0, end - last))
