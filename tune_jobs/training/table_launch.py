"""Runs the trials of tables through Ray Tune."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ray import tune

from data_utils import TrialData
from tune_jobs.ledger.record import LOST
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job, payload
from tune_jobs.training.progress import Progress
from tune_jobs.training.ray_session import session
from tune_jobs.training.ray_tune import run_payloads
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.trainable import train_trial
from tune_jobs.training.worker_watch import EndsWith, Watch, last_line
from tune_jobs.trial.cost import longest_first
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
        watch = _TableWatch(progress, storage, job.study)
        payloads: Sequence[Mapping[str, Any]] = [payload(trial) for trial in longest_first(trials)]
        while payloads:
            run_payloads(
                tune.with_parameters(train_trial, job=replace(job, mark=joined.mark), data=joined.data),
                payloads,
                resources=resources,
                max_concurrent=joined.capacity.request_limit(resources, most),
                watch=watch,
                stop=EndsWith(watch),
            )
            watch.raise_unusable()
            payloads = [config["trial"] for config in watch.taken_back()]
            if len(progress.finished) + len(payloads) < len(trials):
                return  # interrupted: Tune stops and returns


class _TableWatch(Watch[Progress]):
    """Tells the progress display what Tune sees of the trials."""

    def who(self, trial: Any) -> tuple[str, str, int]:
        key = trial.config["trial"]["key"]
        return key, self.progress.label(key), self.progress.running.get(key, 0)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        key = trial.config["trial"]["key"]
        if result.get("finished"):
            self.progress.ended(key, result["outcome"], result["reason"])
        elif "epoch" in result:
            self.progress.advanced(key, result["epoch"])
        super().on_trial_result(iteration, trials, trial, result, **info)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        super().on_trial_error(iteration, trials, trial, **info)
        if trial.num_failures > trial.max_failures:
            self.progress.ended(trial.config["trial"]["key"], LOST, last_line(trial))
