"""Trials of a search in a worker, one or a stack of them: the director says what to train, and what ends at a rung."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import nan
from typing import Any

from data_utils import TrialData
from models.history import History
from models.version import STACKED
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.search.search_trial import signed
from tune_jobs.storage.storage import Storage
from tune_jobs.training.data import shared_data
from tune_jobs.training.director import Assignment
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.running_curves import last_value
from tune_jobs.training.stack_training import run_stack
from tune_jobs.training.trainable import REPORT_PERIOD_SECONDS, begins, device_of, run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.training.worker_report import TRAINING, report, reporting_refusals
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.trial import Trial

# Between rungs too the director is asked now and then: the budget of minutes may be used up.
_ASK_PERIOD_SECONDS = 5.0


@reporting_refusals()
def train_search_trial(tune_config: Mapping[str, Any], *, job: Job, data: Mapping[str, Any], director: Any) -> None:
    """Train what the director assigns, write the records, and report how each trial ended.

    Args:
        tune_config: has the name of the slot under "slot".
        job: what all trials share.
        data: references to `TrialData` in Ray's object store, by `data_slot`.
        director: the actor; see `tune_jobs.training.director.Director`.
    """
    if not begins(job):
        return
    slot = _Slot(tune_config["slot"], director)
    first = slot.first()
    if first is None:
        report({"nothing_left": True})
        return

    def loaded(trial: Trial) -> TrialData:
        return shared_data(data[data_slot(trial.config)])

    try:
        while first is not None:
            if first.trial.mode == STACKED:
                with RecordWriter(Ledger(Storage.at(job.storage).patient()), 0.0) as writer:
                    for record in run_stack(
                        slot.stack(first),
                        loaded,
                        job,
                        device_of(job),
                        width=job.stack_width,
                        writer=writer,
                        on_epoch=slot.after_epoch,
                    ):
                        slot.ended(record)
            else:
                on_epoch = partial(slot.after_epoch, first.trial.key)
                slot.ended(run_trial(first.trial, loaded(first.trial), job, on_epoch=on_epoch))
            first = slot.again(first)
    except WorkerStopped:
        return
    except WorkerCutOff as error:
        raise error.cause from None  # to Tune, which starts the trial again, unless the storage has refused


class _Slot:
    """The trials that a worker has, by key, and what it asks and reports of them."""

    def __init__(self, name: str, director: Any) -> None:
        self._name, self._director = name, director
        self._trials: dict[str, _InTraining] = {}
        self._reported = 0.0

    def first(self) -> Assignment | None:
        """Ask for a trial; None if there is none left."""
        return self._next()

    def again(self, before: Assignment) -> Assignment | None:
        """Ask for another replicate of what was trained here; None if there is none, as in a search without."""
        return self._took(self._ask("again", self._name)) if before.has_replicates else None

    def stack(self, first: Assignment) -> Iterator[Trial]:
        """Yield the first trial, then others for its stack, each when there is a place for it."""
        assignment: Assignment | None = first
        while assignment is not None:
            yield assignment.trial
            assignment = self._next(beside=first.number)

    def after_epoch(self, key: str, history: History) -> str | None:
        """Ask the director if it has a say; return why the trial ends there, if it does."""
        one = self._trials[key]
        epochs = one.due(history)
        reason = None
        if epochs:
            values = signed(history, select=one.assignment.select)
            answers = (self._ask("reached", one.assignment.number, values[:epoch]) for epoch in epochs)
            reason = next((answer for answer in answers if answer), None)
        if time.monotonic() - self._reported >= REPORT_PERIOD_SECONDS:
            self._reported = time.monotonic()
            report({TRAINING: [(key, *known.position) for key, known in self._trials.items()], "finished": False})
        return reason

    def ended(self, record: Record) -> None:
        """Tell the director and Tune how a trial ended; its record is written."""
        assignment = self._trials.pop(record.key).assignment
        tally = self._ask("ended", assignment.number, replace(record, validation_outputs=(), grid_outputs=()))
        ending = {"epoch": record.epochs, "finished": True, "outcome": record.outcome, "reason": record.reason}
        report({"key": record.key, "label": assignment.label, **ending, "tally": vars(tally)})

    def _next(self, **beside: int) -> Assignment | None:
        return self._took(self._ask("next", self._name, **beside))

    def _took(self, assignment: Assignment | None) -> Assignment | None:
        if assignment is not None:
            self._trials[assignment.trial.key] = _InTraining(assignment)
        return assignment

    def _ask(self, question: str, *arguments: Any, **more: Any) -> Any:
        import ray

        return ray.get(getattr(self._director, question).remote(*arguments, **more))


class _InTraining:
    """An assigned trial in training."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self._asked = 0.0
        self._passed = 0
        self._reached = nan

    @property
    def position(self) -> tuple[str, int, int, float]:
        """Its label, the epochs that it has done, all of them, and the validation metric of the last one done."""
        return self.assignment.label, self._passed, self.assignment.trial.epochs, self._reached

    def due(self, history: History) -> Sequence[int]:
        """Return the epochs of which the director must hear now."""
        rungs, now = self.assignment.rungs, time.monotonic()
        # A trial that resumes from a checkpoint may have passed rungs that were not decided yet.
        due = [rung for rung in rungs if self._passed < rung < history.epochs]
        self._passed, self._reached = history.epochs, last_value(history)
        # A trial that diverges ends by itself.
        if not history.ends_without_number and (history.epochs in rungs or now - self._asked >= _ASK_PERIOD_SECONDS):
            due.append(history.epochs)
        if due:
            self._asked = now
        return due
