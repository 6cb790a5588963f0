"""A trial in a worker, around its training: its log, its checkpoints, and its record in the ledger."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from data_utils import TrialData
from models.history import COMPLETED, PRUNED, STOPPED_EARLY, TIMED_OUT, History
from models.plan import TrainingPlan
from models.registry import metric_name
from models.version import ENGINE_VERSIONS
from tune_jobs.files import private
from tune_jobs.ledger import provenance
from tune_jobs.ledger.checkpoints import Checkpoints
from tune_jobs.ledger.kept_files import TRIAL_FOLDERS, node_place
from tune_jobs.ledger.record import FAILED, ISOLATED, Record, encode_fields
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.saved_models import model_name
from tune_jobs.ledger.targets import own_targets_name, write_targets
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.tensorboard import TrialLog
from tune_jobs.training.trial_training import Trained, Training
from tune_jobs.trial.data import TRAINERS_OWN
from tune_jobs.trial.key import TRAINER_VERSION, settings, trajectory
from tune_jobs.trial.metrics import Metrics
from tune_jobs.trial.trial import Trial, differences

_CONTINUED = (COMPLETED, STOPPED_EARLY, PRUNED, TIMED_OUT)


class WorkerStopped(BaseException):
    """Tune stops the worker in the middle of a trial; a later run trains it again."""


class WorkerCutOff(BaseException):
    """The worker can no longer reach what it reports to; the trial is started again."""

    @property
    def cause(self) -> BaseException:
        """The exception that was raised."""
        return self.__cause__ or self


class TrialRun:
    """A trial in a worker. Use it as a context manager, which closes its log.

    Args:
        trial: to train.
        data: to train on.
        job: that it belongs to.
        device: "cpu" or "cuda".
        writer: takes the record.
        on_epoch: called after each epoch; if it returns a reason, the trial ends there.

    Attributes:
        checkpoints: of the trial.
    """

    def __init__(
        self,
        trial: Trial,
        data: TrialData,
        job: Job,
        device: str,
        writer: RecordWriter,
        on_epoch: Callable[[History], str | None] | None = None,
    ) -> None:
        self.trial, self.data, self.job, self.device = trial, data, job, device
        self._storage = writer.ledger.storage
        self.checkpoints = Checkpoints(self._storage, trial, device, job.checkpoint_seconds)
        self._writer, self._on_epoch = writer, on_epoch
        self._started_at = datetime.now(UTC)
        name = partial(_run_name, trial, job)
        self._closed = False
        self._log = TrialLog(self._storage, name, job.checkpoint_seconds, job.tensorboard)

    def __enter__(self) -> "TrialRun":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the log; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self._log.__exit__()

    @property
    def folder(self) -> Path:
        """For what a training function of the user writes: in the storage where that is a folder, else on this node."""
        return (self._storage.local_root or private(node_place())) / TRIAL_FOLDERS / self.trial.key

    @property
    def training(self) -> Training:
        """What to train."""
        trial, job = self.trial, self.job
        plan = TrainingPlan(trial.epochs, trial.measure_at, trial.measure_improvements, trial.stops)
        limits = job.time_limit_seconds, job.checkpoint_seconds
        return Training(trial.config, plan, self.device, *limits, job.keep_models)

    def after_epoch(self, history: History) -> str | None:
        """Log an epoch; return why the trial ends there, if it does.

        Raises:
            WorkerStopped: `on_epoch` raised `SystemExit`, as a report to Tune does once the run is over.
            WorkerCutOff: it raised anything else. What training raises is told apart from both.
        """
        self._log.epoch(history)
        try:
            return self._on_epoch(history) if self._on_epoch is not None else None
        except SystemExit as error:
            raise WorkerStopped from error
        except Exception as error:
            raise WorkerCutOff from error

    def end(self, trained: Trained, wall_seconds: float) -> Record:
        """Write the record, and the model if it is kept.

        Args:
            trained: how the training ended.
            wall_seconds: that the trial took; in a stack, its share.

        Raises:
            StorageError: the storage does not take them.
        """
        record = dataclasses.replace(
            _record(self.trial, self.data, trained.history, self.job.metrics),
            **_failure(trained),
            **_provenance(self.trial, self.job, self.device),
            started_at=self._started_at,
            wall_seconds=wall_seconds,
        )
        if trained.targets is not None:
            write_targets(self._storage, own_targets_name(self.trial.key), {"targets": trained.targets})
        # A checkpoint may go only once the record is durable. The record comes before the model, which is large: a
        # storage may have no room for it.
        self._writer.add(record, at_once=self.checkpoints.kept or trained.model is not None)
        if trained.model is not None:
            self._storage.write(trained.model, MODELS, model_name(self.trial.key, self.trial.epochs))
        # A training function of the user continues from its last checkpoint where more epochs are wanted.
        if not (self.trial.config.trainer and record.outcome in _CONTINUED):
            self.checkpoints.forget()
        self._log.summarise(settings(self.trial.config), trained.history)
        return record


def _failure(trained: Trained) -> dict[str, Any]:
    """Fields of the record of a training that failed; none for one that did not."""
    if not trained.failed:
        return {}
    return {
        "outcome": FAILED,
        "reason": trained.problem,
        "traceback": trained.traceback,
        "retriable": trained.retriable,
    }


def _provenance(trial: Trial, job: Job, device: str) -> dict[str, Any]:
    """Fields of a record that say how and where the trial ran."""
    return {
        "study": job.study,
        "code_version": job.code_version,
        "packages": provenance.packages(),
        "host": provenance.host(),
        "node": provenance.node(),
        "device": device,
        "gpu": provenance.gpu() if job.gpus_per_trial else "",
        "machine_kind": provenance.machine_kind(device, trial.config.threads),
        "execution_mode": trial.mode,
        "process": ISOLATED,
        "time_limit_seconds": job.time_limit_seconds,
        "command": job.command,
    }


def _record(trial: Trial, data: TrialData, history: History, metrics: Metrics | None) -> Record:
    own: dict[str, Any] = {"dataset": trial.config.dataset, "engine_version": ENGINE_VERSIONS[trial.mode]}
    if trial.config.trainer and metrics is not None:
        own = {
            "dataset": TRAINERS_OWN,
            "engine_version": TRAINER_VERSION,
            "metrics": tuple(map(str, metrics)),
            "metric_values": tuple(value for name in metrics.names for value in history.reported.get(name, ())),
        }
    measured = sorted(history.measurements)
    measurements = [history.measurements[epoch] for epoch in measured]
    return Record(
        key=trial.key,
        fields=encode_fields(trajectory(trial.config)),
        fingerprint=data.fingerprint,
        seed=trial.config.seed,
        outcome=history.outcome,
        reason=history.reason,
        epochs=history.epochs,
        metric=history.metric or metric_name(data.task),
        target_unit=data.target_unit,
        train_loss=tuple(history.train_loss),
        train_metric=tuple(history.train_metric),
        validation_loss=tuple(history.validation_loss),
        validation_metric=tuple(history.validation_metric),
        learning_rate=tuple(history.learning_rate),
        train_seconds=tuple(history.train_seconds),
        measured_epochs=tuple(measured),
        measured_train_loss=tuple(m.train_loss for m in measurements),
        measured_train_metric=tuple(m.train_metric for m in measurements),
        outputs=measurements[0].validation_outputs.shape[1] if measurements else 0,
        validation_outputs=tuple(m.validation_outputs.astype("<f4").tobytes() for m in measurements),
        grid_outputs=tuple(m.grid_outputs.astype("<f4").tobytes() for m in measurements if m.grid_outputs is not None),
        **own,
    )


def _run_name(trial: Trial, job: Job) -> str:
    words = differences(trial.config, job.base).replace("/", "-").replace(" ", "")
    # File systems count bytes, not letters.
    cut = words.encode()[:80].decode(errors="ignore")
    return f"{job.study}/{cut},seed={trial.config.seed}-{trial.key[:8]}"
