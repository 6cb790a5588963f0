"""Training one trial: in this process, or with the user's code in a process of its own.

Either way this process has the storage, Ray and the trial's log. The other process has the user's code, and asks this
one after every epoch, as the engine asks the caller of `train`.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_utils import TrialData
from models.history import CURVES, TIMED_OUT, History
from models.plan import Snapshots, TrainingControl, TrainingPlan
from models.trajectory import out_of_time
from tune_jobs.errors import StorageError, UserError
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.failure import Failure, at_place
from tune_jobs.isolation.server import ask
from tune_jobs.trial.config import TrialConfig, plain_config
from tune_jobs.user_code.held_data import held
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.processes import CodeProcess, ProcessLostError, log_changes, process_with
from tune_jobs.user_code.questions import code_of

if TYPE_CHECKING:
    from models.engine import Training as EngineTraining

_EPOCH, _LOAD, _SAVE = "epoch", "load", "save"
# After its time limit, a trial that does not come back from the user's code is ended.
_LATE_SECONDS = 30.0


@dataclass(frozen=True)
class Training:
    """What to train, as plain values.

    Attributes:
        config: of the trial.
        plan: how far, and what to measure.
        device: "cpu" or "cuda".
        time_limit_seconds: of the training; None for no limit.
        checkpoint_seconds: between two snapshots.
        keep_model: whether the trained network is wanted too.
    """

    config: TrialConfig
    plan: TrainingPlan
    device: str
    time_limit_seconds: float | None = None
    checkpoint_seconds: float = 60.0
    keep_model: bool = False


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Attributes:
        history: as far as it got.
        problem: why it failed, in a line; "" if it did not.
        traceback: of the failure.
        retriable: whether the same trial may succeed later.
        model: the trained network as a file's content, if it was wanted and all epochs were trained.
        targets: what the predictions are compared with, where only the training function knows them.
    """

    history: History
    problem: str = ""
    traceback: str = ""
    retriable: bool = False
    model: bytes | None = None
    targets: NDArray[Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether it raised, or its process died."""
        return bool(self.problem)


@dataclass(frozen=True)
class _Ended:
    """How a training ended in the process that did it, and what the user's code changed there."""

    history: History
    failure: Failure | None = None
    model: bytes | None = None
    changes: tuple[str, ...] = ()

    def told(self, code: Code) -> Trained:
        """Say it, with the place in the user's files."""
        failure = self.failure
        if failure is None:
            return Trained(self.history, model=self.model)
        return failed_in_process(self.history, failure, code)


def train_here(
    training: Training, data: TrialData, after_epoch: Callable[[History], str | None], kept: Snapshots
) -> Trained:
    """Train in this process, without any code of the user.

    Args:
        training: what to train.
        data: to train on.
        after_epoch: see `models.plan.TrainingControl`.
        kept: where snapshots are kept.

    Raises:
        StorageError: of `after_epoch` and `kept`, like any `BaseException` that is not an `Exception`.
    """
    return _train(training, data, after_epoch, kept, caught=(Exception, SystemExit), passed=StorageError).told(Code())


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

    def answer(message: tuple[str, Any]) -> Any:
        kind, content = message
        if kind == _LOAD:
            return kept.load()
        if kind == _SAVE:
            return kept.save(content)
        seen.metric, curves = content
        for name, values in curves.items():
            getattr(seen, name).extend(values)
        return after_epoch(seen)

    references = code_of(training.config)

    def train(isolated: CodeProcess) -> Trained:
        ended: _Ended = isolated.process.call(
            f"{__name__}:train_for_worker",
            training,
            data[0],
            seconds=seconds_for(training),
            on_message=answer,
        )
        log_changes(references, ended.changes)
        return ended.told(code)

    return trained_in_process(train, code, references, lambda: seen, data=data)


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


def train_for_worker(training: Training, data: str) -> _Ended:
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
        reason: str | None = ask((_EPOCH, (history.metric, curves)))
        return reason

    # The storage is the worker's: an error of that kind is the user's too.
    ended = _train(training, held(data), after_epoch, _Asked(training.checkpoint_seconds), caught=(BaseException,))
    return _Ended(ended.history, ended.failure, ended.model, tuple(before.changes(ProcessState.now())))


@dataclass
class _Asked:
    """Snapshots that the worker keeps."""

    period_seconds: float
    saved: float = field(default_factory=time.monotonic)

    def load(self) -> bytes | None:
        content: bytes | None = ask((_LOAD, None))
        return content

    def due(self) -> bool:
        return time.monotonic() - self.saved >= self.period_seconds

    def save(self, content: bytes) -> None:
        self.saved = time.monotonic()
        ask((_SAVE, content))


def _train(
    training: Training,
    data: TrialData,
    after_epoch: Callable[[History], str | None],
    kept: Snapshots,
    *,
    caught: tuple[type[BaseException], ...],
    passed: type[BaseException] | tuple[()] = (),
) -> _Ended:
    """Train; what is `caught` is a failure of the trial, but for what is `passed` on: then it is started again."""
    from models.engine import train

    config = training.config
    seen: list[History] = []

    def note(history: History) -> str | None:
        seen[:] = [history]
        return after_epoch(history)

    try:
        (one,) = train(
            config,
            [config.seed],
            data,
            plan=training.plan,
            control=TrainingControl(training.time_limit_seconds, note, kept),
            device=training.device,
        )
        model = _model(training, one, data)
    except passed:
        raise
    except caught as error:
        return _Ended(seen[0] if seen else History(config.seed), Failure.of(error))
    return _Ended(one.history, model=model)


def trained(training: Training, ended: "EngineTraining", data: TrialData) -> Trained:
    """Say how a training without any code of the user ended.

    Args:
        training: what was to train.
        ended: what the engine gives.
        data: that it has trained on.
    """
    return Trained(ended.history, model=_model(training, ended, data))


def failed(history: History, error: BaseException) -> Trained:
    """Say how a training without any code of the user failed."""
    return failed_in_process(history, Failure.of(error), Code())


def _model(training: Training, ended: "EngineTraining", data: TrialData) -> bytes | None:
    """The trained network as a file's content, if it is wanted and complete."""
    from models.saved import to_bytes

    complete = ended.history.epochs == training.plan.last_epoch(training.config)
    wanted = training.keep_model and complete
    return to_bytes(ended.network, plain_config(training.config), data) if wanted else None


def _died(history: History, error: ProcessDeathError, code: Code) -> Trained:
    """Say how the user's code ended its process, or that it did not come back in time."""
    if error.timed_out:
        history.outcome = TIMED_OUT
        history.reason = at_place(out_of_time(history.epochs + 1), error.place(code.files))
        return Trained(history)
    lines = [f'  File "{frame.file}", line {frame.line}, in {frame.function}' for frame in error.frames]
    return Trained(history, error.at(code.files), "\n".join(["Most recent call first:", *lines]))


def failed_in_process(history: History, failure: Failure, code: Code) -> Trained:
    """Say how a training failed with the user's code, and where."""
    return Trained(history, failure.at(code.files), failure.traceback, failure.out_of_memory)
