"""Training one trial in this process, and how a training ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from data_utils import TrialData
from models.history import History
from models.plan import Snapshots, TrainingControl, TrainingPlan
from tune_jobs.errors import StorageError
from tune_jobs.isolation.failure import Failure
from tune_jobs.trial.config import TrialConfig, plain_config
from tune_jobs.user_code.modules import Code

if TYPE_CHECKING:
    from models.engine import Training as EngineTraining


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
class TrainingEnd:
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
    return attempt(training, data, after_epoch, kept, caught=(Exception, SystemExit), passed=StorageError).told(Code())


def attempt(
    training: Training,
    data: TrialData,
    after_epoch: Callable[[History], str | None],
    kept: Snapshots,
    *,
    caught: tuple[type[BaseException], ...],
    passed: type[BaseException] | tuple[()] = (),
) -> TrainingEnd:
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
        return TrainingEnd(seen[0] if seen else History(config.seed), Failure.of(error))
    return TrainingEnd(one.history, model=model)


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


def failed_in_process(history: History, failure: Failure, code: Code) -> Trained:
    """Say how a training failed with the user's code, and where."""
    return Trained(history, failure.at(code.files), failure.traceback, failure.out_of_memory)
