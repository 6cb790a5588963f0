"""One trial in a reused worker process, from its data to its record in the ledger."""

import dataclasses
import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from data_utils import TrialData
from models.history import History
from models.plan import TrainingPlan
from models.registry import metric_name
from models.version import ENGINE_VERSION, EXECUTION_MODE
from tune_jobs.capacity.ray_nodes import node_name
from tune_jobs.errors import StorageError, UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.checkpoints import Checkpoints
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import FAILED, ISOLATED, Record, encode_fields
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.saved_models import model_name
from tune_jobs.logs import keep_lines
from tune_jobs.storage.probe import storage_problem
from tune_jobs.storage.retries import PATIENCE_SECONDS
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.tensorboard import TrialLog
from tune_jobs.training.trial_training import Trained, Training, train_here, train_isolated
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import Trial, differences
from tune_jobs.user_code.processes import ProcessLostError, start_for_training
from tune_jobs.user_code.questions import code_of

REPORT_PERIOD_SECONDS = 1.0


class WorkerStopped(BaseException):
    """Tune stops the worker in the middle of a trial; a later run trains it again."""


class WorkerCutOff(BaseException):
    """The worker can no longer reach what it reports to; the trial is started again."""

    @property
    def cause(self) -> BaseException:
        """The exception that was raised."""
        return self.__cause__ or self


def begins(job: Job) -> bool:
    """Report the worker's node; return whether its results can be kept from there."""
    import ray
    from ray import tune

    keep_lines()
    context = ray.get_runtime_context()
    node = str(context.get_node_id())
    problem = _unusable(job.storage, job.mark) if job.mark else ""
    if problem:
        address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        here = node_name({"NodeManagerAddress": address, "NodeID": node})
        tune.report({"unusable": f"node {here} {problem}"})
        return False
    tune.report({"node": node})
    return True


@functools.cache
def _unusable(storage: str, mark: str) -> str:
    """What keeps this machine from using the storage; "" for nothing.

    On a machine that has just started, a shared folder may take a moment to appear.
    """
    for pause in (0.0, 1.0, 3.0):
        time.sleep(pause)
        problem = storage_problem(storage, mark, PATIENCE_SECONDS)
        if not problem:
            break
    return problem


def run_trial(
    trial: Trial,
    data: TrialData,
    job: Job,
    *,
    on_epoch: Callable[[History], str | None] | None = None,
    writer: RecordWriter | None = None,
) -> Record:
    """Train a trial and write its record; needs no Ray.

    An exception in training becomes a record with outcome "failed" and the traceback.

    Args:
        trial: to train.
        data: to train on.
        job: that it belongs to.
        on_epoch: called after each epoch; if it returns a reason, the trial ends there.
        writer: takes the record, perhaps to write it a moment later; by default it is durable on return.

    Raises:
        WorkerStopped: `on_epoch` raised `SystemExit`, as a report to Tune does once the run is over; nothing is kept.
        WorkerCutOff: `on_epoch` raised anything else, or the storage failed for too long; only the last checkpoint is
            kept.
    """
    if code_of(trial.config):
        start_for_training()
    device = "cpu" if job.logical_gpus or not job.gpus_per_trial else _assigned_gpu()
    try:
        writer = writer or RecordWriter(Ledger(Storage.at(job.storage).patient()), 0.0)
        with _log_of(trial, job, writer.ledger.storage) as log:
            return _run_logged(trial, data, job, device, log, writer, on_epoch)
    except (StorageError, ProcessLostError) as error:
        raise WorkerCutOff from error


def _run_logged(
    trial: Trial,
    data: TrialData,
    job: Job,
    device: str,
    log: TrialLog,
    writer: RecordWriter,
    on_epoch: Callable[[History], str | None] | None,
) -> Record:
    storage = writer.ledger.storage
    checkpoints = Checkpoints(storage, trial, device, job.checkpoint_seconds)

    def after_epoch(history: History) -> str | None:
        log.epoch(history)
        return _reported(on_epoch, history)

    started_at, start = datetime.now(UTC), time.perf_counter()
    training = Training(
        trial.config,
        TrainingPlan(trial.epochs, trial.measure_at, trial.measure_improvements, trial.stops),
        device,
        job.time_limit_seconds,
        job.checkpoint_seconds,
        job.keep_models,
    )
    if code_of(trial.config):
        trained = train_isolated(training, (data_slot(trial.config), data), job.code, after_epoch, checkpoints)
    else:
        trained = train_here(training, data, after_epoch, checkpoints)
    record = dataclasses.replace(
        _record(trial, data, trained.history),
        **_failure(trained),
        **_provenance(trial, job, device),
        started_at=started_at,
        wall_seconds=time.perf_counter() - start,
    )
    # A checkpoint may go only once the record is durable. The record comes before the model, which is large: a storage
    # may have no room for it.
    writer.add(record, at_once=checkpoints.kept or trained.model is not None)
    if trained.model is not None:
        storage.write(trained.model, MODELS, model_name(trial.key, trial.epochs))
    checkpoints.forget()
    log.summarise(trajectory(trial.config), trained.history)
    return record


def _reported(on_epoch: Callable[[History], str | None] | None, history: History) -> str | None:
    """Call `on_epoch`; tell what it raises apart from what training raises."""
    try:
        return on_epoch(history) if on_epoch is not None else None
    except SystemExit as error:
        raise WorkerStopped from error
    except Exception as error:
        raise WorkerCutOff from error


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
        "execution_mode": EXECUTION_MODE,
        "process": ISOLATED,
        "time_limit_seconds": job.time_limit_seconds,
        "command": job.command,
    }


def _record(trial: Trial, data: TrialData, history: History) -> Record:
    measured = sorted(history.measurements)
    measurements = [history.measurements[epoch] for epoch in measured]
    return Record(
        key=trial.key,
        fields=encode_fields(trajectory(trial.config)),
        dataset=trial.config.dataset,
        fingerprint=data.fingerprint,
        engine_version=ENGINE_VERSION,
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
    )


def _assigned_gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        raise UserError("the trial was given a GPU, but CUDA does not work on this node; check its driver")
    return "cuda"


def _log_of(trial: Trial, job: Job, storage: Storage) -> TrialLog:
    def name() -> str:
        return f"{job.study}/{_run_name(trial, job)}"

    return TrialLog(storage, name, job.checkpoint_seconds, job.tensorboard)


def _run_name(trial: Trial, job: Job) -> str:
    words = differences(trial.config, job.base).replace("/", "-").replace(" ", "")
    # File systems count bytes, not letters.
    cut = words.encode()[:80].decode(errors="ignore")
    return f"{cut},seed={trial.config.seed}-{trial.key[:8]}"
