"""Decides which trial Tune gives a worker that has become free."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from tune_jobs.capacity.ray_private import worker_starts_for


class WaitingFirst(FIFOScheduler):
    """Gives a free worker the first trial that no worker is starting up for.

    Tune itself gives it the first that waits, which while workers start is one of theirs, and ends that worker as it
    starts. Where trials take less time than that, most workers never come up.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the trial; None where none waits."""
        waiting = [trial for trial in tune_controller.get_trials() if trial.status == Trial.PENDING]
        free = (trial for trial in waiting if not worker_starts_for(tune_controller, trial))
        return next(free, None) or super().choose_trial_to_run(tune_controller)
