"""Runs the trials of tables through Ray Tune."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ray import tune

from data_utils import TrialData
from models.stacking.shape import shape_of
from models.version import STACKED
from tune_jobs.ledger.record import LOST
from tune_jobs.storage.storage import Storage
from tune_jobs.training.group_worker import train_group
from tune_jobs.training.groups import Groups
from tune_jobs.training.job import Job, Members
from tune_jobs.training.progress import Progress
from tune_jobs.training.ray_session import session
from tune_jobs.training.ray_tune import run_payloads
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.worker_report import ENDED, TRAINING
from tune_jobs.training.worker_watch import EndsWith, Watch, last_line
from tune_jobs.trial.cost import longest_first
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.trial import Trial


def run_trials(
    trials: Sequence[Trial],
    data: Mapping[str, TrialData],
    job: Job,
    settings: Settings[TrainingOptions],
    storage: Storage,
    progress: Progress,
    ray_exit: ExitStack | None = None,
) -> None:
    """Run the trials; each writes its record. After an interrupt some are missing: see `progress.finished`.

    Args:
        trials: with different keys.
        data: that they train on, by `data_slot`.
        job: what all trials share.
        settings: of the run.
        storage: of the ledger.
        progress: shows how the trials go.
        ray_exit: see `ray_running`.

    Raises:
        UserError: no node can ever have the resources of a trial.
    """
    resources, most = settings.resources, settings.options.max_concurrent
    with session(settings.cluster, data, resources, storage, ray_exit) as joined:
        if joined.waiting:
            progress.say(joined.waiting)
        at_once = max(1, joined.capacity.at_once(resources, most))
        groups = Groups(longest_first(trials), min(at_once, len(trials)), _stack_shapes(data), job.stack_width)
        watch = TableWatch(progress, storage, job.study, groups)
        while groups:
            run_payloads(
                tune.with_parameters(train_group, job=replace(job, mark=joined.mark), data=joined.data),
                iter(groups),
                resources=resources,
                at_once=at_once,
                max_concurrent=joined.capacity.request_limit(resources, most),
                watch=watch,
                stop=EndsWith(watch),
            )
            watch.raise_unusable()
            for config in watch.taken_back():
                groups.take_back(config["trial"]["trials"].payloads)
            if not groups.closed or len(progress.finished) + len(groups) < len(trials):
                return  # interrupted: Tune stops and returns


def _stack_shapes(data: Mapping[str, TrialData]) -> Callable[[Trial], Hashable | None]:
    """Return what tells the shape of a trial that is a member of a stack, and None of others."""

    def stack_shape(trial: Trial) -> Hashable | None:
        return shape_of(trial.config, data[data_slot(trial.config)]) if trial.mode == STACKED else None

    return stack_shape


class TableWatch(Watch[Progress]):
    """Tells the progress display what Tune sees of the trials, and how long they took to whoever groups the others."""

    def __init__(self, progress: Progress, storage: Storage, study: str, groups: Groups) -> None:
        super().__init__(progress, storage, study)
        self._groups = groups
        self._training: dict[str, list[str]] = {}

    def in_training(self, trial: Any) -> list[tuple[str, str, int]]:
        known = self._training.get(trial.trial_id, [])
        keys = [key for key in known if not self.progress.has_finished(key)]
        # A worker reports about once a second, and trains in order: before it says so, it is the first of the rest.
        keys = keys or [values["key"] for values in self._unfinished(trial)][:1]
        return [(key, self.progress.label(key), self.progress.epochs_done(key)) for key in keys]

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        for key, outcome, reason, seconds, score in result.get(ENDED, ()):
            self._groups.ended(key, seconds)
            self.progress.ended(key, outcome, reason, score)
        if TRAINING in result:
            self._training[trial.trial_id] = [key for key, *_ in result[TRAINING]]
            for key, epoch, value in result[TRAINING]:
                self.progress.advanced(key, epoch, value)
        super().on_trial_result(iteration, trials, trial, result, **info)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        # Tune keeps its trials to the end of the run.
        self._hand_on(trial, ())

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        super().on_trial_recover(iteration, trials, trial, **info)
        # Of a stack one goes on here; the others are given out again together, and after a second loss each alone.
        self._keep_to(trial, [key for key, _, _ in self.in_training(trial)][:1])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        super().on_trial_error(iteration, trials, trial, **info)
        if trial.num_failures <= trial.max_failures:
            return
        keys, reason = [key for key, _, _ in self.in_training(trial)], last_line(trial)
        self._keep_to(trial, keys)
        for key in keys:
            self.progress.ended(key, LOST, reason)

    def _keep_to(self, trial: Any, keys: Sequence[str]) -> None:
        """Leave a group that lost its worker these trials, and take back the others.

        What has ended is not trained again, and restarts are counted for the trial that may be to blame.
        """
        unfinished = self._unfinished(trial)
        self._groups.take_back([values for values in unfinished if values["key"] not in keys])
        self._hand_on(trial, [values for values in unfinished if values["key"] in keys])

    def _unfinished(self, trial: Any) -> list[Mapping[str, Any]]:
        members: Members = trial.config["trial"]["trials"]
        return [values for values in members.payloads if not self.progress.has_finished(values["key"])]

    def _hand_on(self, trial: Any, members: Sequence[Mapping[str, Any]]) -> None:
        trial.config["trial"].update(trials=Members(tuple(members)), again=True)
        self._training.pop(trial.trial_id, None)
