"""Times one shape: trains the beginning of a trial like a real one, and keeps nothing."""

import dataclasses
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import fs

from data_utils import TrialData
from models.history import CURVES, History
from tune_jobs.forecast.estimate import Pilot
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.parquet import to_parquet
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.stack_training import run_stack
from tune_jobs.training.tensorboard import FOLDER as LOGS
from tune_jobs.training.trainable import device_of, run_trial
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial

_WARM_UP_BATCHES = 2
# Share of the time for finding out how many batches fit into the rest.
_FINDING_OUT = 0.2
# Shorter epochs are timed whole, however little time there is.
_EPOCH_SECONDS = 0.5
_MOST_EPOCHS = 100
_FEWEST_VALIDATION_ROWS = 32
# The first epochs of a user's training function are given up after this many times what a pilot should take.
_LEAST_LIMIT, _PATIENCE = 60.0, 4.0
_BYTES_PER_EPOCH = 8 * len(CURVES)


def time_shape(name: str, trial: Trial, data: TrialData, job: Job, seconds: float, members: int = 1) -> Pilot | str:
    """Time a shape; return the pilot, or in one line why it could not be trained.

    After two warm-up batches, a short trial run finds out how much fits into the time. Then whole epochs are timed, and
    every other one is measured; long epochs are timed over a part of the rows and scaled.

    Args:
        name: of the shape.
        trial: of that shape.
        data: for training and validation.
        job: of the run to come; its storage is not touched.
        seconds: to spend, roughly.
        members: how many train at once in a stack; times are shares of each.
    """
    if trial.config.trainer:
        return _time_function(name, trial, data, job, seconds)
    whole = -(-len(data.train_inputs) // trial.config.batch_size)
    batches = min(_WARM_UP_BATCHES, whole)
    # A pilot is shorter than the trials whose logs it measures.
    job = dataclasses.replace(job, tensorboard="on")
    with tempfile.TemporaryDirectory(prefix="ablatune-pilot-") as folder:
        warm = _train(
            trial, data, dataclasses.replace(job, storage=f"{folder}/0", keep_models=True), batches, 1, members
        )
        short = warm
        for step, share in ((1, _FINDING_OUT), (2, 1.0)):
            if short.record.outcome == FAILED:
                return short.record.reason
            per_batch = min(short.intervals) / batches
            epoch_seconds = share * max(seconds / 2, _EPOCH_SECONDS)
            batches = min(whole, max(_WARM_UP_BATCHES, int(epoch_seconds / per_batch)))
            epochs = min(_MOST_EPOCHS, max(2, int(share * seconds / (batches * per_batch))))
            place = dataclasses.replace(job, storage=f"{folder}/{step}")
            short = _train(trial, data, place, batches, epochs, members)
        if short.record.outcome == FAILED:
            return short.record.reason
        return _pilot(name, warm, short, whole / batches)


def _time_function(name: str, trial: Trial, data: TrialData, job: Job, seconds: float) -> Pilot | str:
    """Time whole epochs of a training function of the user; a first epoch that takes too long is given up."""
    limit = max(_LEAST_LIMIT, _PATIENCE * seconds)
    job = dataclasses.replace(job, tensorboard="on", time_limit_seconds=limit)
    taken: list[tuple[Record, Sequence[float], float]] = []
    with tempfile.TemporaryDirectory(prefix="ablatune-pilot-") as folder:
        epochs = 1
        for step in range(2):
            place = dataclasses.replace(job, storage=f"{folder}/{step}")
            taken.append(_function_epochs(trial, data, place, min(epochs, trial.epochs)))
            record, intervals, _ = taken[-1]
            if record.outcome == FAILED:
                return record.reason
            if not intervals or not record.epochs:
                return f"an epoch takes more than {limit:.0f} s"
            epochs = min(_MOST_EPOCHS, max(2, int(seconds / max(record.train_seconds[0], 1e-4))))
        logs = [float(_bytes(Storage.at(f"{folder}/{step}"), LOGS)) for step in range(2)]
    record, intervals, whole = taken[-1]
    later = intervals[1:]  # the first has the start of its process
    usual = sum(later) / len(later) if later else record.train_seconds[0]
    return Pilot(
        shape=name,
        epoch_seconds=tuple(later) or (usual,),
        measure_seconds=0.0,
        trial_seconds=max(0.0, whole - sum(later) - usual),
        share=1.0,
        record_bytes=max(0.0, len(to_parquet([record])) - record.epochs * _BYTES_PER_EPOCH),
        epoch_bytes=_BYTES_PER_EPOCH,
        measure_bytes=0.0,
        log_bytes=logs[0],
        log_epoch_bytes=max(0.0, (logs[1] - logs[0]) / max(1, record.epochs - 1)),
        model_bytes=0.0,
    )


def _function_epochs(trial: Trial, data: TrialData, job: Job, epochs: int) -> tuple[Record, Sequence[float], float]:
    """Train the first epochs; return the record, the seconds between the ends of epochs, and those of the whole."""
    ends: list[float] = []
    start = time.perf_counter()
    beginning = dataclasses.replace(trial, epochs=epochs, measure_at=frozenset(), measure_improvements=False)
    record = run_trial(beginning, data, job, on_epoch=lambda history: ends.append(time.perf_counter()))
    intervals = [end - before for before, end in zip([start, *ends], ends, strict=False)]
    return record, intervals, time.perf_counter() - start


@dataclass(frozen=True)
class _Trained:
    """The beginning of a trial: its record, the seconds of each epoch and of the whole.

    Epochs with odd numbers were measured. In a stack, seconds are a member's share, and the storage has all `members`.
    """

    record: Record
    intervals: Sequence[float]
    seconds: float
    storage: Storage
    validation_share: float
    members: int

    def bytes(self, folder: str) -> float:
        """The bytes of one trial in a folder of the storage."""
        return _bytes(self.storage, folder) / self.members


def _train(trial: Trial, data: TrialData, job: Job, batches: int, epochs: int, members: int) -> _Trained:
    config = trial.config.replace(epochs=max(trial.config.epochs, epochs), early_stopping_patience=0)
    part = cut(data, config, batches)
    ends: list[float] = []

    def tick(history: History) -> None:
        ends.append(time.perf_counter())

    beginning = Trial(trial.key, config, epochs, frozenset(range(1, epochs + 1, 2)), mode=trial.mode)
    start = time.perf_counter()
    if members > 1:
        record = _first_of_stack(beginning, part, job, tick, members)
    else:
        record = run_trial(beginning, part, job, on_epoch=tick)
    seconds = (time.perf_counter() - start) / members
    intervals = [(end - before) / members for before, end in zip([start, *ends], ends, strict=False)]
    share = len(part.validation_inputs) / len(data.validation_inputs)
    return _Trained(record, intervals, seconds, Storage.at(job.storage), share, members)


def _first_of_stack(trial: Trial, data: TrialData, job: Job, tick: Callable[[History], None], members: int) -> Record:
    """Train a trial in a stack with others that differ in the seed; return its record."""
    seeds = range(members)
    together = [
        dataclasses.replace(trial, key=f"{trial.key}-{seed}", config=trial.config.replace(seed=seed)) for seed in seeds
    ]

    def on_epoch(key: str, history: History) -> None:
        if key == together[0].key:
            tick(history)

    writer = RecordWriter(Ledger(Storage.at(job.storage)), 0.0)
    records = run_stack(together, lambda _: data, job, device_of(job), width=members, writer=writer, on_epoch=on_epoch)
    return next(record for record in list(records) if record.key == together[0].key)


def cut(data: TrialData, config: TrialConfig, batches: int) -> TrialData:
    """Cut data down to the first training batches, and to the same share of the validation part."""
    rows = min(batches * config.batch_size, len(data.train_inputs))
    share = rows / len(data.train_inputs)
    kept = min(
        max(math.ceil(share * len(data.validation_inputs)), _FEWEST_VALIDATION_ROWS), len(data.validation_inputs)
    )
    return dataclasses.replace(
        data,
        train_inputs=data.train_inputs[:rows],
        train_targets=data.train_targets[:rows],
        validation_inputs=data.validation_inputs[:kept],
        validation_targets=data.validation_targets[:kept],
    )


def _pilot(name: str, warm: _Trained, timed: _Trained, scale: float) -> Pilot:
    first, *later = timed.intervals
    plain = [seconds for number, seconds in enumerate(later, start=2) if not number % 2] or [first]
    measured = [seconds for number, seconds in enumerate(later, start=2) if number % 2] or [first]
    usual = sum(plain) / len(plain)
    measure = max(0.0, sum(measured) / len(measured) - usual)
    beside = timed.seconds - sum(later) - usual - measure
    epochs = timed.record.epochs
    measured_epochs = len(timed.record.measured_epochs)
    predictions = [_compressed(kept) for kept in (timed.record.validation_outputs, timed.record.grid_outputs)]
    rest = len(to_parquet([timed.record])) - sum(predictions) - epochs * _BYTES_PER_EPOCH
    logs = [one.bytes(LOGS) for one in (warm, timed)]
    return Pilot(
        shape=name,
        epoch_seconds=tuple(seconds * scale for seconds in plain),
        measure_seconds=measure * scale,
        trial_seconds=max(0.0, beside),
        share=1 / scale,
        record_bytes=max(0.0, rest),
        epoch_bytes=_BYTES_PER_EPOCH,
        measure_bytes=(predictions[0] / timed.validation_share + predictions[1]) / measured_epochs,
        log_bytes=logs[0],
        log_epoch_bytes=max(0.0, (logs[1] - logs[0]) / max(1, epochs - 1)),
        model_bytes=warm.bytes(MODELS),
    )


def _compressed(outputs: Sequence[bytes]) -> int:
    return len(pa.compress(b"".join(outputs), codec="zstd", asbytes=True)) if outputs else 0


def _bytes(storage: Storage, folder: str) -> int:
    selector = fs.FileSelector(storage.path(folder), allow_not_found=True, recursive=True)
    return sum(info.size or 0 for info in storage.filesystem.get_file_info(selector))
