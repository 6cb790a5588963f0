"""A trial of a search in a worker: asks the director what to train, and at each rung whether to go on."""

import time
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from models.history import History
from tune_jobs.standing.search.state import signed
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import REPORT_PERIOD_SECONDS, begins, run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.training.worker_report import report, reporting_refusals
from tune_jobs.trial.data import data_slot

# Between rungs too the director is asked now and then: the budget of minutes may be used up.
_ASK_PERIOD_SECONDS = 5.0


@reporting_refusals()
def train_search_trial(tune_config: Mapping[str, Any], *, job: Job, data: Mapping[str, Any], director: Any) -> None:
    """Train the trial that the director assigns, write its record, then report how it ended.

    Args:
        tune_config: has the name of the slot under "slot".
        job: what all trials share.
        data: references to `TrialData` in Ray's object store, by `data_slot`.
        director: the actor; see `tune_jobs.training.director.Director`.
    """
    import ray

    if not begins(job):
        return
    assignment = ray.get(director.next.remote(tune_config["slot"]))
    if assignment is None:
        report({"nothing_left": True})
        return
    trial = assignment.trial
    name = {"number": assignment.number, "key": trial.key, "label": assignment.label, "epochs": trial.epochs}
    reported = asked = 0.0
    passed = 0

    def after_epoch(history: History) -> str | None:
        nonlocal reported, asked, passed
        reason = None
        now = time.monotonic()
        # A trial that resumes from a checkpoint may have passed rungs that were not decided yet.
        due = [rung for rung in assignment.rungs if passed < rung < history.epochs]
        passed = history.epochs
        # A trial that diverges ends by itself.
        ends = not (isfinite(history.train_loss[-1]) and isfinite(history.validation_loss[-1]))
        if not ends and (history.epochs in assignment.rungs or now - asked >= _ASK_PERIOD_SECONDS):
            due.append(history.epochs)
        if due:
            asked = now
            values = signed(history, select=assignment.select)
            answers = (ray.get(director.reached.remote(assignment.number, values[:epoch])) for epoch in due)
            reason = next((answer for answer in answers if answer), None)
        if now - reported >= REPORT_PERIOD_SECONDS:
            reported = now
            report({**name, "epoch": history.epochs, "finished": False})
        return reason

    try:
        record = run_trial(trial, ray.get(data[data_slot(trial.config)]), job, on_epoch=after_epoch)
    except WorkerStopped:
        return
    except WorkerCutOff as error:
        raise error.cause from None  # to Tune, which starts the trial again, unless the storage has refused
    tally = ray.get(director.ended.remote(assignment.number, replace(record, validation_outputs=(), grid_outputs=())))
    ending = {"epoch": record.epochs, "finished": True, "outcome": record.outcome, "reason": record.reason}
    report({**name, **ending, "tally": vars(tally)})
