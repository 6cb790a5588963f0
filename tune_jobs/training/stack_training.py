"""Training trials of one shape as members of a stack, each with its own log, checkpoints and record."""

import gc
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING

from data_utils import TrialData
from models.history import History
from models.plan import TrainingControl
from models.stacking.shape import LEAST_WIDTH
from tune_jobs.errors import StorageError
from tune_jobs.isolation.failure import is_out_of_memory
from tune_jobs.ledger.record import Record
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.trial_run import TrialRun, WorkerCutOff
from tune_jobs.training.trial_training import failed, trained
from tune_jobs.trial.trial import Trial
from tune_jobs.words import counted

if TYPE_CHECKING:
    from models.stacking.member import Request

_log = logging.getLogger(__name__)


def width_for(trials: int, most: int) -> int:
    """Return how many of the trials to train at once, so that all take few and even turns."""
    turns = math.ceil(trials / most)
    return max(LEAST_WIDTH, math.ceil(trials / turns))


def run_stack(
    trials: Iterable[Trial],
    data: Callable[[Trial], TrialData],
    job: Job,
    device: str,
    *,
    width: int,
    writer: RecordWriter,
    on_epoch: Callable[[str, History], str | None],
) -> Iterator[Record]:
    """Train trials in a stack, write the record of each as it ends, and yield it.

    If training raises, nobody knows which member is to blame: each that was in training is trained again in a stack of
    its own, and what raises there is recorded as failed.

    Args:
        trials: of one shape, with different keys; the next is taken when there is a place for it.
        data: finds what a trial trains on.
        job: what all trials share.
        device: "cpu" or "cuda".
        width: how many train at once, `LEAST_WIDTH` or more; fewer if the stack has fewer places, see `Job.places`.
        writer: takes the records.
        on_epoch: called after each epoch with the trial's key; if it returns a reason, the trial ends there.

    Raises:
        WorkerStopped: as `TrialRun.after_epoch`.
        WorkerCutOff: as `TrialRun.after_epoch`, or data could not be had, or the storage failed for too long; trials
            that have ended before are kept.
    """

    def run_of(trial: Trial) -> TrialRun:
        def after_epoch(history: History) -> str | None:
            return on_epoch(trial.key, history)

        try:
            part = data(trial)
        except Exception as error:  # no fault of a member's
            raise WorkerCutOff from error
        return TrialRun(trial, part, job, device, writer, after_epoch)

    waiting = map(run_of, trials)
    while True:
        stack = _Stack(waiting)
        try:
            yield from stack.train(width, device)
            return
        except StorageError as error:
            raise WorkerCutOff from error
        except (Exception, SystemExit) as error:
            suspects = [run_of(run.trial) for run in stack.running]
            if is_out_of_memory(error):
                _log.warning(
                    "memory ran out in a stack with %s in training: each is trained again by itself; a smaller --stack "
                    "takes less, and --stack off the least",
                    counted(len(suspects), "trial"),
                )
        # The exception, which held the tensors of the stack, is gone.
        del stack
        _free_memory(device)
        for run in suspects:
            yield _alone(run, device)


def _free_memory(device: str) -> None:
    """Give back what PyTorch keeps of a GPU's memory for later."""
    if device != "cpu":
        import torch

        gc.collect()
        torch.cuda.empty_cache()


def _alone(run: TrialRun, device: str) -> Record:
    """Train a trial in a stack of its own; what it raises is its failure."""
    stack = _Stack(iter([run]))
    try:
        (record,) = stack.train(LEAST_WIDTH, device)
        return record
    except StorageError as error:
        raise WorkerCutOff from error
    except (Exception, SystemExit) as error:
        history = stack.seen.get(run.trial.key) or History(run.trial.config.seed)
        try:
            with run:
                return run.end(failed(history, error), stack.seconds.get(run.trial.key, 0.0))
        except StorageError as refused:
            raise WorkerCutOff from refused


class _Stack:
    """A stack in training.

    Attributes:
        running: the trials in training.
        seen: the histories of those that have trained an epoch, by key.
        seconds: each trial's share of the time so far, by key.
    """

    def __init__(self, waiting: Iterator[TrialRun]) -> None:
        self._waiting = waiting
        self.running: list[TrialRun] = []
        self.seen: dict[str, History] = {}
        self.seconds: dict[str, float] = {}
        self._shared = time.perf_counter()

    def train(self, width: int, device: str) -> Iterator[Record]:
        """Train until all have ended; yield their records as they end."""
        from models.stacking.engine import train_stacked

        first = next(self._waiting, None)
        if first is None:
            return
        places = 0 if first.job.places is None else first.job.places.of(first.trial.config)
        width = min(width, places or width)
        with ExitStack() as logs:
            requests = self._requests(chain([first], self._waiting), logs)
            for run, training in train_stacked(requests, width=width, places=places, device=device):
                self._share_time()
                record = run.end(trained(run.training, training, run.data), self.seconds[run.trial.key])
                self.running.remove(run)
                run.close()
                yield record

    def _requests(self, waiting: Iterable[TrialRun], logs: ExitStack) -> Iterator[tuple[TrialRun, "Request"]]:
        from models.stacking.member import Request

        for run in waiting:
            logs.enter_context(run)
            self._share_time()
            self.running.append(run)
            self.seconds[run.trial.key] = 0.0
            training, config = run.training, run.trial.config
            control = TrainingControl(training.time_limit_seconds, self._after_epoch(run), run.checkpoints)
            yield run, Request(config, config.seed, run.data, training.plan, control)

    def _after_epoch(self, run: TrialRun) -> Callable[[History], str | None]:
        def after_epoch(history: History) -> str | None:
            self.seen[run.trial.key] = history
            self._share_time()
            return run.after_epoch(history)

        return after_epoch

    def _share_time(self) -> None:
        """Count the time since the last call for all in training, in equal parts."""
        now = time.perf_counter()
        for run in self.running:
            self.seconds[run.trial.key] += (now - self._shared) / len(self.running)
        self._shared = now
