"""Training a trial by a function of the user, in a process of its own; see `tune_jobs.training.trial_training`."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.history import History
from models.plan import Snapshots
from tune_jobs.errors import StorageError, UserError
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.process import CallError, ProcessDeathError
from tune_jobs.isolation.server import ask
from tune_jobs.trainer.link import Answer, Reported
from tune_jobs.trainer.seeding import prepare_process
from tune_jobs.trainer.trial import Trial
from tune_jobs.training.trainer_course import Course
from tune_jobs.training.trial_training import LATE_SECONDS, Trained, Training, died, failed_in_process
from tune_jobs.trial.metrics import Metrics
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.processes import ProcessLostError, log_changes, process_with

_EPOCH, _LOAD, _DUE, _SAVE = "epoch", "load", "due", "save"


@dataclass(frozen=True)
class Place:
    """Where a training function trains.

    Attributes:
        devices: that it may use.
        folder: of its own.
    """

    devices: tuple[str, ...]
    folder: Path


def train_by_function(
    training: Training,
    metrics: Metrics,
    place: Place,
    code: Code,
    after_epoch: Callable[[History], str | None],
    kept: Snapshots,
) -> Trained:
    """Call the user's function in a process that has its modules, and no other code; it ends with the trial.

    Args:
        training: what to train.
        metrics: that the function reports.
        place: where it trains.
        code: the user's modules.
        after_epoch: called after each epoch; a reason that it returns ends the trial there.
        kept: where checkpoints are kept.

    Raises:
        ProcessLostError: something outside ended the process, such as the system for want of memory.
    """
    course = Course(training, metrics, after_epoch)
    limit, function = training.time_limit_seconds, training.config.trainer

    def answer(message: tuple[str, Any]) -> Any:
        kind, content = message
        if kind == _LOAD:
            return course.restore(kept.load())
        if kind == _DUE:
            return kept.due()
        if kind == _SAVE:
            return kept.save(course.snapshot(content))
        return course.add(content)

    try:
        with process_with(code, [function], what=function) as isolated:
            ended: _Ended = isolated.process.call(
                f"{__name__}:train_for_worker",
                training,
                metrics.names,
                place,
                seconds=None if limit is None else limit + LATE_SECONDS,
                on_message=answer,
            )
            log_changes([function], ended.changes)
            if ended.failure is not None:
                return failed_in_process(course.history, ended.failure, code)
            return Trained(course.history, model=course.state if training.keep_model else None)
    except CallError as error:
        return failed_in_process(course.history, error.failure, code)
    except ProcessDeathError as error:
        if error.killed:
            raise ProcessLostError(f"{function}: its process {error.words}") from error
        return died(course.history, error, code)
    except (StorageError, ProcessLostError):
        raise
    except UserError as error:  # when its modules were imported
        return Trained(course.history, str(error), getattr(error, "trace", ""))


@dataclass(frozen=True)
class _Ended:
    """How the function ended, and what it changed in its process."""

    failure: Failure | None
    changes: tuple[str, ...]


def train_for_worker(training: Training, metrics: Sequence[str], place: Place) -> _Ended:
    """In the process with the user's code: call the function."""
    from models.user_code import call_trainer
    from tune_jobs.user_code.side_effects import ProcessState

    config = training.config
    prepare_process(config.seed, config.threads)
    before = ProcessState.now()
    trial = Trial(
        _Asked(),
        seed=config.seed,
        split_seed=config.split_seed,
        devices=place.devices,
        threads=config.threads,
        total=training.plan.last_epoch(config),
        metrics=metrics,
        folder=place.folder,
    )
    failure = None
    try:
        run_function(lambda given: call_trainer(config, trial, given), trial, config.trainer, epochs=config.epochs)
    except BaseException as error:
        failure = Failure.of(error)
    return _Ended(failure, tuple(before.changes(ProcessState.now())))


def run_function(call: Callable[[dict[str, Any]], Any], trial: Trial, name: str, *, epochs: int) -> None:
    """Call a training function, or run a generator that yields the metrics of each epoch.

    Args:
        call: calls it, with what it takes of the values that it is given.
        trial: that it trains.
        name: of the function, for messages.
        epochs: the total that it may count on.

    Raises:
        ReportError: it has not trained all epochs.
    """
    told = {"seed": trial.seed, "split_seed": trial.split_seed, "threads": trial.threads}
    result: Any = call({**told, "epochs": epochs, "device": trial.device, "devices": list(trial.devices)})
    if inspect.isgenerator(result):
        yielded: Iterator[Any] = result
        for metrics in yielded:
            trial.report(**metrics)
    trial.finish(name)


class _Asked:
    """The worker, asked by this process."""

    def report(self, reported: Reported) -> Answer:
        answer: Answer = ask((_EPOCH, reported))
        return answer

    def load(self) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = ask((_LOAD, None))
        return found

    def due(self) -> bool:
        return bool(ask((_DUE, None)))

    def save(self, epoch: int, content: bytes) -> None:
        ask((_SAVE, content))
