"""Training a trial by a function of the user, in a process of its own; see `tune_jobs.training.isolated_training`."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.history import History
from models.plan import Snapshots
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.server import ask
from tune_jobs.trainer.link import Answer, Reported
from tune_jobs.trainer.seeding import prepare_process
from tune_jobs.trainer.trial import Trial
from tune_jobs.training.isolated_training import EPOCH, LOAD, SAVE, answering, seconds_for, trained_in_process
from tune_jobs.training.trainer_course import Course
from tune_jobs.training.trial_training import Trained, Training, failed_in_process
from tune_jobs.trial.metrics import Metrics
from tune_jobs.user_code.code_process import CodeProcess
from tune_jobs.user_code.modules import Code


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
    function = training.config.trainer

    answer = answering(
        lambda reported: replace(course.add(reported), due=kept.due()),
        lambda: course.restore(kept.load()),
        lambda content: kept.save(course.snapshot(content)),
    )

    def train(isolated: CodeProcess) -> Trained:
        failure: Failure | None = isolated.process.call(
            f"{__name__}:train_for_worker",
            training,
            metrics.names,
            place,
            seconds=seconds_for(training),
            on_message=answer,
        )
        if failure is not None:
            return failed_in_process(course.history, failure, code)
        model = course.state if training.keep_model else None
        return Trained(course.history, model=model, targets=course.targets)

    return trained_in_process(train, code, [function], lambda: course.history)


def train_for_worker(training: Training, metrics: Sequence[str], place: Place) -> Failure | None:
    """In the process with the user's code: call the function. What it changes there is its own affair."""
    from models.user_code import call_trainer

    config = training.config
    prepare_process(config.seed, config.threads)
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
    try:
        run_function(lambda given: call_trainer(config, trial, given), trial, config.trainer, epochs=config.epochs)
    except BaseException as error:
        return Failure.of(error)
    return None


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
        answer: Answer = ask((EPOCH, reported))
        return answer

    def load(self) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = ask((LOAD, None))
        return found

    def save(self, epoch: int, content: bytes) -> None:
        ask((SAVE, content))
