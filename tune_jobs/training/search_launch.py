"""Runs a search through Ray Tune: workers ask the director what to train, as long as it has trials."""

import time
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from models.stacking.shape import LEAST_WIDTH
from tune_jobs.errors import StorageError
from tune_jobs.storage.storage import Storage
from tune_jobs.training.director import Director
from tune_jobs.training.job import Job
from tune_jobs.training.ray_session import Session
from tune_jobs.training.ray_tune import MOST_PENDING, pending_at_once, run_tuner
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.search_progress import SearchProgress
from tune_jobs.training.search_worker import train_search_trial
from tune_jobs.training.settings import Settings
from tune_jobs.training.worker_report import TRAINING
from tune_jobs.training.worker_watch import EndsWith, Watch, last_line

_ASK_PERIOD_SECONDS = 0.2
# Trials of a search in one stack, at most; and how often all places of all stacks are refilled, at least.
_MOST_IN_STACK, _LEAST_ROUNDS = 8, 4


def run_search(
    director: "partial[Director]",
    joined: Session,
    job: Job,
    settings: Settings[TrainingOptions],
    storage: Storage,
    progress: SearchProgress,
    most: int | None,
) -> bool:
    """Run a search until its budget is used up; return whether it got there, which an interrupt prevents.

    Args:
        director: makes the director.
        joined: the cluster.
        job: what all trials share.
        settings: of the run.
        storage: of the ledger.
        progress: shows how the search goes.
        most: trials that the budget has left; None if unknown.

    Raises:
        UserError: a node that came up cannot use the storage.
    """
    resources, max_concurrent = settings.resources, settings.options.max_concurrent
    # On the driver's node: it then dies only with the whole run.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    made = ray.remote(num_cpus=0)(Director).options(scheduling_strategy=here)
    actor: Any = made.remote(*director.args, **director.keywords)
    if joined.waiting:
        progress.say(joined.waiting)
    # An autoscaler brings up nodes for what Tune asks, so Tune must not ask for more than there are trials to come.
    fitting = joined.capacity.at_once(resources, max_concurrent)
    together = max(1, min(fitting, MOST_PENDING if most is None else most, MOST_PENDING))
    width = _stack_width(job, most, together)
    shared = replace(job, mark=joined.mark, stack_width=width)
    trainable = tune.with_parameters(train_search_trial, job=shared, data=joined.data, director=actor)
    slots, watch = _Slots(actor, together), _SearchWatch(progress, storage, job.study)
    with pending_at_once(together):
        run_tuner(
            trainable,
            resources,
            watch,
            stop=EndsWith(watch),
            search_alg=slots,
            num_samples=-1,
            max_concurrent_trials=joined.capacity.request_limit(resources, max_concurrent),
        )
    watch.raise_unusable()
    return slots.closed and len(watch.settled) == slots.given


def _stack_width(job: Job, trials: int | None, workers: int) -> int:
    """How many trials of a search train at once in a stack: the more, the less each point knows of those before."""
    each = _MOST_IN_STACK if trials is None else trials // (_LEAST_ROUNDS * workers)
    return max(LEAST_WIDTH, min(job.stack_width, each, _MOST_IN_STACK))


class _Slots(Searcher):
    """Gives Tune an empty slot whenever it wants a trial; the director fills it when a worker starts.

    The next point is therefore drawn only when a worker is free, from all results so far.
    """

    def __init__(self, director: Any, together: int) -> None:
        super().__init__(metric="training_iteration", mode="max")
        self._director = director
        self._together = together
        self._run = uuid.uuid4().hex[:8]
        self._asked = 0.0
        self.given, self.closed = 0, False

    def suggest(self, trial_id: str) -> Any:
        # The first workers start while the director does: without anything to train there would be no run.
        if self.given >= self._together and time.monotonic() - self._asked >= _ASK_PERIOD_SECONDS:
            self._asked, self.closed = time.monotonic(), not self._open()
        if self.closed:
            return str(Searcher.FINISHED)
        self.given += 1
        return {"slot": f"{self._run}-{self.given}"}

    def _open(self) -> bool:
        try:
            return bool(ray.get(self._director.open.remote()))
        except ray.exceptions.RayTaskError as error:
            # The journal cannot be written: the user gets one line, not the actor's traceback.
            if isinstance(error.cause, StorageError):
                raise error.cause from None
            raise

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing to do: the worker has told the director."""

    def save(self, checkpoint_path: str) -> None:
        """Write the file that Tune expects; the journal has what matters."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to do: Tune never restores a search."""


class _SearchWatch(Watch[SearchProgress]):
    """Tells the progress display what Tune sees of a search, and notes which slots have ended."""

    def __init__(self, progress: SearchProgress, storage: Storage, study: str) -> None:
        super().__init__(progress, storage, study)
        self.settled: set[str] = set()
        self._seen: dict[str, dict[str, tuple[str, int]]] = {}

    def in_training(self, trial: Any) -> list[tuple[str, str, int]]:
        seen = self._seen.get(trial.trial_id) or {"": ("a trial of the search", 0)}
        return [(key, label, epoch) for key, (label, epoch) in seen.items()]

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if result.get("finished") or result.get("nothing_left"):
            # A set: a worker that dies right after it reported this reports it again.
            self.settled.add(trial.trial_id)
        if result.get("finished"):
            self._seen.get(trial.trial_id, {}).pop(result["key"], None)
            self.progress.ended(result["key"], result["label"], result["outcome"], result["reason"], result["tally"])
        elif TRAINING in result:
            self._seen[trial.trial_id] = {key: (label, epoch) for key, label, epoch, *_ in result[TRAINING]}
            for known in result[TRAINING]:
                self.progress.advanced(*known)
        super().on_trial_result(iteration, trials, trial, result, **info)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        super().on_trial_error(iteration, trials, trial, **info)
        self.settled.add(trial.trial_id)
        # The director still has the trial of a stranded slot: the next round continues it.
        if trial.num_failures > trial.max_failures:
            for key, label, _ in self.in_training(trial):
                self.progress.lost(key, label, last_line(trial))
