"""What the parts of a run share: its study, its settings, its ledger, and the Ray it runs on."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from data_utils import TrialData
from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.stacking.choice import places_on
from tune_jobs.stacking.memory import Places
from tune_jobs.study.model import Study
from tune_jobs.study.trackers import TENSORBOARD, chosen_trackers
from tune_jobs.training.job import STACK_WIDTH, Job
from tune_jobs.training.run_options import TrackerOptions, TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.trial.config import TrialConfig


@dataclass(frozen=True)
class RunContext:
    """What the parts of a run share.

    Attributes:
        study: to run.
        ledger: takes the records.
        settings: of the run.
        say: prints a line.
        ray_exit: shuts Ray down when closed, which lets several rounds of a run share one Ray; None: each round shuts
            Ray down.
        ended: told the key of each trial whose record has been written, and its name in a search ("" if it has none).
        data: of the last round, by `data_slot`, which the next mostly needs again.
    """

    study: Study
    ledger: Ledger
    settings: Settings[TrainingOptions]
    say: Callable[[str], None] = print
    ray_exit: ExitStack | None = None
    ended: Callable[[str, str], None] = lambda key, label: None
    data: dict[str, TrialData] = field(default_factory=dict)

    def say_start(self) -> None:
        """Say that Ray starts, and silence its request for notebook widgets, which nothing here uses."""
        self.say(f"starting Ray; saving to {self.ledger.storage.uri}")
        logging.getLogger("ray.widgets").setLevel(logging.WARNING)

    def job(self, base: TrialConfig, *, keep_models: bool = False) -> Job:
        """What all trials of the run share; see `new_job`."""
        storage = self.ledger.storage
        places = places_on(self.settings.device, storage, self.settings.resources.stack)
        return new_job(self.study, base, storage.shared_uri, self.settings, keep_models=keep_models, places=places)


def new_job(
    study: Study,
    base: TrialConfig,
    storage: str,
    settings: Settings[TrainingOptions],
    *,
    keep_models: bool = False,
    places: Places | None = None,
) -> Job:
    """Collect what all trials of a run share.

    Args:
        study: that they belong to.
        base: configuration whose differences name a trial.
        storage: URI of the ledger's storage, as workers reach it; "" to keep nothing.
        settings: of the run.
        keep_models: whether to keep the trained networks too.
        places: that stacks have on a GPU.
    """
    resources = settings.resources
    most = STACK_WIDTH if places is None else places.most
    return Job(
        study=study.name,
        storage=storage,
        base=base,
        gpus_per_trial=resources.gpus_per_trial,
        logical_gpus=settings.options.logical_gpus > 0,
        time_limit_seconds=settings.limit_seconds,
        checkpoint_seconds=60 * resources.checkpoint_minutes,
        keep_models=keep_models,
        tensorboard=_tensorboard(study, settings),
        stack_width=most if isinstance(resources.stack, str) else resources.stack,
        places=places,
        code=study.own.code,
        code_version=provenance.code_version(),
        command=provenance.command(),
        metrics=study.metrics,
        requirements=study.requirements,
    )


def _tensorboard(study: Study, settings: Settings[TrainingOptions]) -> str:
    """Which trials get a TensorBoard log: all if it is named among the trackers and no option says otherwise."""
    options = settings.options
    trackers = chosen_trackers(study.trackers, options.tracker) if isinstance(options, TrackerOptions) else ()
    named = any(tracker.kind == TENSORBOARD for tracker in trackers)
    return "on" if named and options.tensorboard == "auto" else options.tensorboard
