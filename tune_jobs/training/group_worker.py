"""The Ray Tune trainable of tables: a group of trials in a reused worker process.

One trial after another is trained and written; the driver hears about once a second how far they are.
"""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from data_utils import TrialData
from models.history import History
from models.version import STACKED
from tune_jobs.errors import StorageError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import FAILED, Record, is_finished
from tune_jobs.standing.best import score_of
from tune_jobs.storage.storage import Storage
from tune_jobs.training import worker_report
from tune_jobs.training.data import shared_data
from tune_jobs.training.job import Job, Members, from_payload
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.running_curves import last_value
from tune_jobs.training.stack_training import run_stack, width_for
from tune_jobs.training.trainable import REPORT_PERIOD_SECONDS, begins, device_of, run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.training.worker_report import ENDED, TRAINING, reporting_refusals
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.trial import Trial


@reporting_refusals()
def train_group(tune_config: Mapping[str, Any], *, job: Job, data: Mapping[str, Any]) -> None:
    """Train the trials of a group, write their records, and report how they end.

    Args:
        tune_config: has the group's `Members` under "trial", and whether they have lost a worker before.
        job: what all trials share.
        data: references to `TrialData` in Ray's object store, by `data_slot`.
    """
    if not begins(job):
        return
    group = tune_config["trial"]
    members: Members = group["trials"]
    trials = [from_payload(values) for values in members.payloads]
    writer = RecordWriter(Ledger(Storage.at(job.storage).patient()))
    reports = _Reports(writer)
    if group["again"] and not job.keep_models:
        reports.found, trials = _written(trials, job, writer.ledger)

    @functools.cache
    def loaded(slot: str) -> TrialData:
        return shared_data(data[slot])

    try:
        with writer:
            for record in train_members(trials, loaded, job, writer, reports.epoch):
                reports.ended(record.key)
    except WorkerStopped:
        return
    except (WorkerCutOff, StorageError) as error:
        with suppress(Exception):  # the driver may be what cannot be reached
            reports.send()
        # To Tune, which starts the group again, unless the storage has refused.
        raise (error.cause if isinstance(error, WorkerCutOff) else error) from None
    reports.send()


def train_members(
    trials: Sequence[Trial],
    data: Callable[[str], TrialData],
    job: Job,
    writer: RecordWriter,
    on_epoch: Callable[[str, History], str | None],
) -> Iterator[Record]:
    """Train trials, one after the other or as one stack, and yield the record of each as it ends.

    Args:
        trials: with different keys; members of a stack have one shape.
        data: finds what trials train on, by `data_slot`.
        job: what all trials share.
        writer: takes the records.
        on_epoch: called after each epoch with the trial's key; see `run_trial`.

    Raises:
        WorkerStopped: as `run_trial`.
        WorkerCutOff: as `run_trial`; trials that have ended before are kept.
    """
    if trials and trials[0].mode == STACKED:
        yield from run_stack(
            trials,
            lambda trial: data(data_slot(trial.config)),
            job,
            device_of(job),
            width=width_for(len(trials), job.stack_width),
            writer=writer,
            on_epoch=on_epoch,
        )
        return
    for trial in trials:
        after_epoch = functools.partial(on_epoch, trial.key)
        yield run_trial(trial, data(data_slot(trial.config)), job, on_epoch=after_epoch, writer=writer)


def _written(trials: Sequence[Trial], job: Job, ledger: Ledger) -> tuple[list[Record], list[Trial]]:
    """Divide trials into those that the lost worker has finished, with their records, and the others.

    A failure is not counted as finished: it may be of an earlier run, and is to be tried again.
    """
    kept = ledger.read(keys={trial.key for trial in trials}).records
    limit = job.time_limit_seconds
    finished = {
        trial.key: kept[trial.key]
        for trial in trials
        if trial.key in kept
        and kept[trial.key].outcome != FAILED
        and is_finished(kept[trial.key], trial, time_limit_seconds=limit, retry_failed=False)
    }
    return list(finished.values()), [trial for trial in trials if trial.key not in finished]


class _Reports:
    """Tells the driver how far the trials of a group are, and which have ended and are durable."""

    def __init__(self, writer: RecordWriter) -> None:
        self.found: list[Record] = []
        self._writer = writer
        self._training: dict[str, tuple[int, float]] = {}
        self._reported = time.monotonic()

    def epoch(self, key: str, history: History) -> str | None:
        """Note that a trial has trained an epoch."""
        self._writer.check()
        self._training[key] = history.epochs, last_value(history)
        self._send_if_due()
        return None

    def ended(self, key: str) -> None:
        """Note that a trial has ended, and its record is written or waits for it."""
        self._training.pop(key, None)
        try:
            self._send_if_due()
        except SystemExit as error:  # as a report to Tune does once the run is over
            raise WorkerStopped from error

    def send(self) -> None:
        """Report what is known."""
        self._reported = time.monotonic()
        ended = [*self.found, *self._writer.taken()]
        self.found = []
        endings = [(one.key, one.outcome, one.reason, one.wall_seconds, score_of(one)) for one in ended]
        worker_report.report({TRAINING: [(key, *known) for key, known in self._training.items()], ENDED: endings})

    def _send_if_due(self) -> None:
        if time.monotonic() - self._reported >= REPORT_PERIOD_SECONDS:
            self.send()
