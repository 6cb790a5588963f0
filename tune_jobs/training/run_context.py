"""A run that is going on: of which study, with which settings, into which ledger, and what ends with it."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.study.model import Study
from tune_jobs.training.job import Job
from tune_jobs.training.options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.trial.config import TrialConfig


@dataclass(frozen=True)
class RunContext:
    """A run that is going on.

    Attributes:
        study: that is run.
        ledger: takes the records.
        settings: of the run.
        say: takes a line for a person to read.
        ray_exit: shuts Ray down when it is closed, so that several rounds of a run share one Ray; None shuts Ray down
            at the end of each round.
    """

    study: Study
    ledger: Ledger
    settings: Settings[TrainingOptions]
    say: Callable[[str], None] = print
    ray_exit: ExitStack | None = None

    def say_start(self) -> None:
        """Say that Ray starts, and keep it from asking in a notebook for widgets that nothing here shows."""
        self.say(f"starting Ray; results go to {self.ledger.storage.uri}")
        logging.getLogger("ray.widgets").setLevel(logging.WARNING)

    def job(self, base: TrialConfig, *, keep_models: bool = False) -> Job:
        """Return what all trials of the run share; see `new_job`."""
        return new_job(self.study, base, self.ledger.storage.shared_uri, self.settings, keep_models=keep_models)


def new_job(
    study: Study, base: TrialConfig, storage: str, settings: Settings[TrainingOptions], *, keep_models: bool = False
) -> Job:
    """Return what all trials of a run share.

    Args:
        study: that they belong to.
        base: names a trial by what it changes.
        storage: URI of the ledger's storage, as workers reach it; "" if nothing is kept.
        settings: of the run.
        keep_models: whether the trained networks are kept in the storage too.
    """
    resources = settings.resources
    return Job(
        study=study.name,
        storage=storage,
        base=base,
        gpus_per_trial=resources.gpus_per_trial,
        logical_gpus=settings.options.logical_gpus > 0,
        time_limit_seconds=settings.limit_seconds,
        checkpoint_seconds=60 * resources.checkpoint_minutes,
        keep_models=keep_models,
        code=study.own.code,
        code_version=provenance.code_version(),
        command=provenance.command(),
    )
