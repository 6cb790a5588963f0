"""One trial in a reused worker process, from its data to its record in the ledger."""

import functools
import time
from collections.abc import Callable

from data_utils import TrialData
from models.history import History
from models.stacking.shape import LEAST_WIDTH
from models.version import STACKED
from tune_jobs.capacity.ray_nodes import node_name
from tune_jobs.errors import StorageError, UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.logs import keep_lines
from tune_jobs.storage.probe import storage_problem
from tune_jobs.storage.retries import PATIENCE_SECONDS
from tune_jobs.storage.storage import Storage
from tune_jobs.trainer.requirements import lacking
from tune_jobs.training.isolated_training import train_isolated
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.stack_training import run_stack
from tune_jobs.training.trainer_training import Place, train_by_function
from tune_jobs.training.trial_run import TrialRun, WorkerCutOff
from tune_jobs.training.trial_training import train_here
from tune_jobs.training.worker_report import LACKS
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.code_process import ProcessLostError
from tune_jobs.user_code.processes import start_for_training
from tune_jobs.user_code.questions import code_of

REPORT_PERIOD_SECONDS = 1.0


def begins(job: Job) -> bool:
    """Report the worker's node; return whether it has what trials need, and can keep their results."""
    import ray
    from ray import tune

    keep_lines()
    context = ray.get_runtime_context()
    node = str(context.get_node_id())
    problem = _unusable(job.storage, job.mark) if job.mark else ""
    lacks = lacking(job.requirements)
    if problem or lacks:
        address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        here = node_name({"NodeManagerAddress": address, "NodeID": node})
        found = {"unusable": f"node {here} {problem}"} if problem else {LACKS: f"node {here} lacks {', '.join(lacks)}"}
        tune.report(found)
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
    """Train a trial, if it is one of a stack then by itself in one, and write its record; needs no Ray.

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
    try:
        writer = writer or RecordWriter(Ledger(Storage.at(job.storage).patient()), 0.0)
        if trial.mode == STACKED:
            (record,) = run_stack(
                [trial],
                lambda _: data,
                job,
                device_of(job),
                width=LEAST_WIDTH,
                writer=writer,
                on_epoch=lambda _, history: on_epoch(history) if on_epoch is not None else None,
            )
            return record
        with TrialRun(trial, data, job, device_of(job), writer, on_epoch) as run:
            start = time.perf_counter()
            if trial.config.trainer and job.metrics is not None:
                where = Place(devices_of(job), run.folder)
                trained = train_by_function(
                    run.training, job.metrics, where, job.code, run.after_epoch, run.checkpoints
                )
            elif code_of(trial.config):
                named = data_slot(trial.config), data
                trained = train_isolated(run.training, named, job.code, run.after_epoch, run.checkpoints)
            else:
                trained = train_here(run.training, data, run.after_epoch, run.checkpoints)
            return run.end(trained, time.perf_counter() - start)
    except (StorageError, ProcessLostError) as error:
        raise WorkerCutOff from error


def devices_of(job: Job) -> tuple[str, ...]:
    """Name the devices of a trial of this worker that a training function of the user trains.

    Instead of GPUs that are only counted, there is the CPU, as many times.

    Raises:
        UserError: the worker was assigned a GPU, and CUDA does not work.
    """
    device = device_of(job)
    count = max(1, int(job.gpus_per_trial))
    return (device,) * count if device == "cpu" else tuple(f"{device}:{gpu}" for gpu in range(count))


def device_of(job: Job) -> str:
    """Return the device that a trial of this worker trains on.

    Raises:
        UserError: the worker was assigned a GPU, and CUDA does not work.
    """
    if job.logical_gpus or not job.gpus_per_trial:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise UserError("the trial was given a GPU, but CUDA does not work on this node; check its driver")
    return "cuda"
