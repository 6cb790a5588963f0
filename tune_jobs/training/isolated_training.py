"""Training one trial with the user's code, in a process of its own.

The worker's process has the storage, Ray and the trial's log. The other process has the user's code, and asks the
worker after every epoch, as the engine asks the caller of `train`.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_utils import TrialData
from models.history import CURVES, TIMED_OUT, History
from models.plan import Snapshots
from models.trajectory import out_of_time
from tune_jobs.errors import StorageError, UserError
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.failure import at_place
from tune_jobs.isolation.server import ask
from tune_jobs.training.trial_training import Trained, Training, TrainingEnd, attempt, failed_in_process
from tune_jobs.user_code.code_process import CodeProcess, ProcessLostError, log_changes
from tune_jobs.user_code.held_data import held
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.processes import process_with
from tune_jobs.user_code.questions import code_of

# What a process that trains asks the worker: to take an epoch, and to load and to save a snapshot.
EPOCH, LOAD, SAVE = "epoch", "load", "save"
# After its time limit, a trial that does not come back from the user's code is ended.
_LATE_SECONDS = 30.0


def train_isolated(
    training: Training,
    data: tuple[str, TrialData],
    code: Code,
    after_epoch: Callable[[History], str | None],
    kept: Snapshots,
) -> Trained:
    """Train in a process that has the user's code that the trial needs, and no other; it ends with the trial.

    Args:
        training: what to train.
        data: to train on, with its name.
        code: the user's modules.
        after_epoch: see `models.plan.TrainingControl`.
        kept: where snapshots are kept.

    Raises:
        ProcessLostError: something outside ended the process, such as the system for want of memory.
    """
    seen = History(training.config.seed)

    def take_epoch(content: tuple[str, Mapping[str, Sequence[float]]]) -> str | None:
        seen.metric, curves = content
        for name, values in curves.items():
            getattr(seen, name).extend(values)
        return after_epoch(seen)

    references = code_of(training.config)

    def train(isolated: CodeProcess) -> Trained:
        ended: TrainingEnd = isolated.process.call(
            f"{__name__}:train_for_worker",
            training,
            data[0],
            seconds=seconds_for(training),
            on_message=answering(take_epoch, kept.load, kept.save),
        )
        log_changes(references, ended.changes)
        return ended.told(code)

    return trained_in_process(train, code, references, lambda: seen, data=data)


def answering(
    take_epoch: Callable[[Any], Any], load: Callable[[], Any], save: Callable[[Any], None]
) -> Callable[[tuple[str, Any]], Any]:
    """Make what answers the questions of a process that trains."""

    def answer(message: tuple[str, Any]) -> Any:
        kind, content = message
        if kind == LOAD:
            return load()
        return save(content) if kind == SAVE else take_epoch(content)

    return answer


def seconds_for(training: Training) -> float | None:
    """When a process that trains with the user's code is ended, if it does not come back by itself; None for never."""
    limit = training.time_limit_seconds
    return None if limit is None else limit + _LATE_SECONDS


def trained_in_process(
    train: Callable[[CodeProcess], Trained],
    code: Code,
    references: Sequence[str],
    seen: Callable[[], History],
    *,
    data: tuple[str, TrialData] | None = None,
) -> Trained:
    """Train in a process with the user's code, and say how that ended, however it did.

    Args:
        train: trains in the process that it is given.
        code: the user's modules.
        references: to what the trial needs of them.
        seen: returns the history as far as it is known here.
        data: see `process_with`.

    Raises:
        ProcessLostError: something outside ended the process, such as the system for want of memory.
    """
    what = " and ".join(references)
    try:
        with process_with(code, references, what=what, data=data, trains=True) as isolated:
            return train(isolated)
    except CallError as error:
        return failed_in_process(seen(), error.failure, code)
    except ProcessDeathError as error:
        if error.killed:
            raise ProcessLostError(f"{what}: its process {error.words}") from error
        return _died(seen(), error, code)
    except (StorageError, ProcessLostError):
        raise
    except UserError as error:  # when its modules were imported
        return Trained(seen(), str(error), getattr(error, "trace", ""))


def train_for_worker(training: Training, data: str) -> TrainingEnd:
    """In the process with the user's code: train, and ask the worker after every epoch."""
    from models.reproducible import WEIGHTS, derived_seed
    from tune_jobs.user_code.side_effects import ProcessState

    # The engine does not draw from these; the user's code may.
    seed = derived_seed(training.config.seed, WEIGHTS) % 2**32
    random.seed(seed)
    np.random.seed(seed)
    before = ProcessState.now()
    sent = 0

    def after_epoch(history: History) -> str | None:
        nonlocal sent
        curves = {name: getattr(history, name)[sent:] for name in CURVES}
        sent = history.epochs
        reason: str | None = ask((EPOCH, (history.metric, curves)))
        return reason

    # The storage is the worker's: an error of that kind is the user's too.
    ended = attempt(training, held(data), after_epoch, _Asked(training.checkpoint_seconds), caught=(BaseException,))
    return TrainingEnd(ended.history, ended.failure, ended.model, tuple(before.changes(ProcessState.now())))


@dataclass
class _Asked:
    """Snapshots that the worker keeps."""

    period_seconds: float
    saved: float = field(default_factory=time.monotonic)

    def load(self) -> bytes | None:
        content: bytes | None = ask((LOAD, None))
        return content

    def due(self) -> bool:
        return time.monotonic() - self.saved >= self.period_seconds

    def save(self, content: bytes) -> None:
        self.saved = time.monotonic()
        ask((SAVE, content))


def _died(history: History, error: ProcessDeathError, code: Code) -> Trained:
    """Say how the user's code ended its process, or that it did not come back in time."""
    if error.timed_out:
        history.outcome = TIMED_OUT
        history.reason = at_place(out_of_time(history.epochs + 1), error.place(code.files))
        return Trained(history)
    lines = [f'  File "{frame.file}", line {frame.line}, in {frame.function}' for frame in error.frames]
    return Trained(history, error.at(code.files), "\n".join(["Most recent call first:", *lines]))
