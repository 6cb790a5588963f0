"""Times shapes through Ray Tune, as many at once as trials will run at once, on the workers that trials will run on."""

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray import tune

from data_utils import TrialData
from tune_jobs import provenance
from tune_jobs.config import TrialConfig
from tune_jobs.estimate import Pilot
from tune_jobs.expansion import Trial
from tune_jobs.launch import tune_all
from tune_jobs.progress import Progress
from tune_jobs.study import Resources
from tune_jobs.timing import time_shape
from tune_jobs.trainable import Job, data_slot, from_payload, payload

# Seconds of all pilots together; where there are very many shapes, more, but those that would not fit into the most
# are left out.
PILOT_SECONDS = 12.0
MOST_SECONDS = 60.0
_LEAST_IN_ALL = 6.0
# Each shape is timed at two moments, so that a passing load shows.
_ROUNDS = 2
_LEAST_SECONDS, _LONGEST_SECONDS = 0.3, 3.0
# What a pilot takes beside: warming up, writing what it measures, its turn in Tune.
_BESIDE_SECONDS = 0.3


@dataclass(frozen=True)
class Sample:
    """A shape to time: one of its trials, its share of the work to come (0 to 1), and what a person knows it by."""

    shape: str
    trial: Trial
    share: float
    label: str


@dataclass(frozen=True)
class Piloted:
    """What the pilots found.

    Attributes:
        pilots: of the shapes that could be timed, two or more of each.
        failures: what the other shapes raised, by shape.
        between: seconds from the end of one pilot on a worker to the start of the next.
        start_seconds: from the call to the first pilot's start: workers start and load torch.
        stop_seconds: from the last pilot's end to the return.
    """

    pilots: Sequence[Pilot]
    failures: Mapping[str, str]
    between: Sequence[float]
    start_seconds: float
    stop_seconds: float


def pilot(
    samples: Sequence[Sample],
    data: Mapping[str, TrialData],
    job: Job,
    *,
    resources: Resources,
    at_once: int,
    max_concurrent: int | None,
    seconds: float,
) -> Piloted:
    """Time shapes, the largest shares of the work first. Ray is running (see `tune_jobs.launch.ray_running`).

    Nothing is written to the job's storage, and no test row is read.

    Args:
        samples: one for each shape, with shares that sum to 1.
        data: by `tune_jobs.trainable.data_slot`.
        job: of the run to come.
        resources: what each trial is given.
        at_once: how many trials will run at once; at least so many pilots run at once too.
        max_concurrent: as for the run.
        seconds: for all shapes together, about; those that would not fit into `MOST_SECONDS` are left out.
    """
    rounds = max(_ROUNDS, math.ceil(at_once / max(len(samples), 1)))
    ordered = sorted(samples, key=lambda sample: -sample.share)
    wanted = [
        {
            "key": f"pilot-{number}-{turn}",
            "shape": sample.shape,
            "trial": payload(sample.trial),
            "seconds": allotted(sample.share, len(samples), seconds * at_once / rounds),
        }
        for turn in range(rounds)
        for number, sample in enumerate(ordered)
    ]
    payloads = within(wanted, MOST_SECONDS * at_once)
    labels = {sample.shape: sample.label for sample in samples}
    watch = _Collect(payloads, labels)
    references = {name: ray.put(part) for name, part in data.items()}
    start = time.time()
    try:
        tune_all(
            tune.with_parameters(_time_one, job=job, data=references),
            payloads,
            resources=resources,
            max_concurrent=max_concurrent,
            watch=watch,
            restarts=0,
        )
    finally:
        watch.progress.close()
    if len(watch.progress.finished) < len(payloads):
        # Tune takes an interrupt for a wish to stop and returns.
        raise KeyboardInterrupt
    return _gathered(watch, start, time.time())


def worth_spending(work_seconds: float) -> float:
    """Return how long all pilots together may take for work of roughly so long: a tenth of it, within bounds."""
    return min(max(0.1 * work_seconds, _LEAST_IN_ALL), PILOT_SECONDS)


def allotted(share: float, shapes: int, seconds: float) -> float:
    """Return the seconds for one pilot: half of all in equal parts, half by the share of the work to come."""
    own = seconds * (0.5 / shapes + 0.5 * share)
    return min(max(own, _LEAST_SECONDS), _LONGEST_SECONDS)


def within(wanted: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Return the first pilots, as many as fit into so many seconds one after the other; one at least."""
    ends = itertools.accumulate(pilot["seconds"] + _BESIDE_SECONDS for pilot in wanted)
    return [pilot for number, (pilot, end) in enumerate(zip(wanted, ends, strict=True)) if end <= seconds or not number]


def _time_one(tune_config: Mapping[str, Any], *, job: Job, data: Mapping[str, Any]) -> None:
    """Time one shape in a worker, and report it."""
    wanted = tune_config["trial"]
    started = time.time()
    worker = f"{provenance.host()}:{os.getpid()}"
    trial = from_payload(wanted["trial"])
    job.code.install()
    timed = time_shape(wanted["shape"], trial, ray.get(data[data_slot(trial.config)]), job, wanted["seconds"])
    found = {"failure": timed} if isinstance(timed, str) else {"pilot": dataclasses.asdict(timed)}
    tune.report({"finished": True, "worker": worker, "started": started, "ended": time.time(), **found})


class _Collect(tune.Callback):
    """Takes what the pilots report, and shows how far they are."""

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
        """Tune pickles its callbacks with the experiment's state, which nothing here reads."""
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
            self.progress.ended(wanted["key"], "completed", "")

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        lines = str(trial.get_error() or "its worker was lost").strip().splitlines()
        self._failed(trial.config["trial"], lines[-1])

    def _failed(self, wanted: Mapping[str, Any], reason: str) -> None:
        said = wanted["shape"] in self.failures
        self.failures[wanted["shape"]] = reason
        self.progress.ended(wanted["key"], "completed" if said else "failed", reason)


def _equally(config: TrialConfig) -> float:
    return 1.0


def _gathered(watch: _Collect, start: float, end: float) -> Piloted:
    turns = [sorted(own) for own in watch.turns.values()]
    between = [max(0.0, after[0] - before[1]) for own in turns for before, after in itertools.pairwise(own)]
    first = min((own[0][0] for own in turns), default=end)
    last = max((own[-1][1] for own in turns), default=end)
    pilots = [
        dataclasses.replace(one, epoch_seconds=tuple(one.epoch_seconds))
        for one in watch.pilots
        if one.shape not in watch.failures
    ]
    return Piloted(pilots, watch.failures, between, max(0.0, first - start), max(0.0, end - last))
