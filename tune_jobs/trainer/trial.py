"""The trial that a training function of the user is given."""

import atexit
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_jobs.errors import shown, unknown
from tune_jobs.trainer.checkpoint import packed, unpacked
from tune_jobs.trainer.link import Answer, Link, Printing, Reported
from tune_jobs.trainer.seeding import prepare_process


class ReportError(ValueError):
    """A training function has used its trial in a way that leaves its numbers unknown."""


class Trial:
    """What a training function is told, and how it says what it has reached.

    Args:
        link: to whoever runs it.
        seed: of everything that is random in it.
        split_seed: of the line between training and validation rows, where a study moves that.
        devices: names of what it trains on.
        threads: of the CPU.
        total: how many epochs it trains.
        metrics: the names that it reports; empty for any.
        folder: of its own, for what it writes; None for a temporary one, removed when the process ends.

    Attributes:
        seed, split_seed, devices, threads, total: as given.
    """

    def __init__(
        self,
        link: Link,
        *,
        seed: int = 0,
        split_seed: int = 0,
        devices: Sequence[str] = ("cpu",),
        threads: int = 1,
        total: int,
        metrics: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self.seed, self.split_seed, self.threads, self.total = seed, split_seed, threads, total
        self.devices = tuple(devices)
        self._link, self._metrics, self._folder = link, tuple(metrics), folder
        self._problem: ReportError | None = None
        self._answer = Answer()
        # The epoch in training, the last that was reported, and whether `epochs` has been called.
        self._epoch = self._reported = 0
        self._began = False
        self._predictions: NDArray[np.float32] | None = None
        self._targets: NDArray[Any] | None = None
        # When the epoch began, and how much of the time since was not the function's own.
        self._since = self._apart = 0.0

    @classmethod
    def local(
        cls,
        seed: int = 0,
        *,
        epochs: int = 10,
        split_seed: int = 0,
        device: str = "cpu",
        threads: int = 1,
        folder: str | Path | None = None,
    ) -> "Trial":
        """Make a trial to call a training function with outside of any study; it prints what is reported.

        Args:
            seed: of the trial; the global generators are seeded with it, as in a study.
            epochs: how many to train.
            split_seed: see `Trial`.
            device: that the function trains on.
            threads: of the CPU.
            folder: for what the function writes; by default a temporary one, removed when the process ends.
        """
        prepare_process(seed, threads)
        place = None if folder is None else Path(folder)
        return cls(
            Printing(),
            seed=seed,
            split_seed=split_seed,
            devices=(device,),
            threads=threads,
            total=epochs,
            folder=place,
        )

    @property
    def device(self) -> str:
        """The first of the devices."""
        return self.devices[0]

    @property
    def folder(self) -> Path:
        """A folder of the trial's own; on one machine, the same when the trial starts again."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ablatune-trial-"))
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    @property
    def ended(self) -> bool:
        """Whether no epoch follows the one that was reported last."""
        return self._answer.ends or self._reported >= self.total

    def epochs(self) -> Iterator[int]:
        """Yield the epochs to train, counted from 1: those after the checkpoint that was loaded, to the last.

        Ends sooner where the trial is stopped. Every epoch needs a `report`.

        Raises:
            ReportError: an epoch has none, or the epochs were asked for before.
        """
        if self._began:
            raise self._refused("trial.epochs() is called a second time; train in one loop over it")
        self._began = True
        for epoch in range(self._reported + 1, self.total + 1):
            self._epoch = epoch
            self._since, self._apart = time.perf_counter(), 0.0
            yield epoch
            if self._reported < epoch:
                raise self._refused(f"epoch {epoch} ended without a report; call trial.report(…) in every epoch")
            if self._answer.ends:
                return

    def report(self, **metrics: Any) -> None:
        """Say what an epoch has come to, once in every epoch.

        Args:
            metrics: a number for each metric that the study declares.

        Raises:
            ReportError: it is no time to report, or a metric is unknown, missing or no number.
        """
        seconds = time.perf_counter() - self._since - self._apart
        with _Apart(self):
            if self._epoch == 0:
                raise self._refused("trial.report() outside of `for epoch in trial.epochs()`; report within the loop")
            if self._reported >= self._epoch:
                raise self._refused(f"epoch {self._epoch} is reported twice; report once in every epoch")
            values = self._checked(metrics)
            self._reported = self._epoch
            kept, self._predictions = (self._predictions, self._targets), None
            self._answer = self._link.report(Reported(self._epoch, values, max(0.0, seconds), *kept))

    def save(self, state: Any) -> None:
        """Offer a checkpoint of the epoch that was reported last; it is kept now and then, and where the trial ends.

        Args:
            state: any value that can be pickled, such as a dictionary of state_dicts; or the path (`pathlib.Path`) of
                a file or folder.

        Raises:
            ReportError: the epoch has not been reported, so the checkpoint would belong to no finished epoch.
        """
        with _Apart(self):
            if self._reported == 0 or self._reported < self._epoch:
                raise self._refused(
                    f"trial.save() before epoch {max(self._epoch, 1)} is reported; call trial.report(…) first, so that "
                    "the checkpoint belongs to a finished epoch"
                )
            last = self._answer.keeps or (self._reported == self.total and not self._answer.ends)
            if last or (self._answer.due and not self._answer.ends):
                self._link.save(self._reported, packed(state))
                self._answer = replace(self._answer, due=False)

    def load(self) -> Any:
        """Return what was saved last, and let `epochs` go on after it; None where there is no checkpoint.

        Of a file or folder, return the path where it lies now.

        Raises:
            ReportError: the epochs have begun, or it was loaded before.
        """
        if self._began or self._reported:
            when = "after trial.epochs() has begun" if self._began else "a second time"
            raise self._refused(f"trial.load() {when}; load once, before the loop")
        found = self._link.load()
        if found is None:
            return None
        self._reported, content = found
        return unpacked(content, self.folder)

    def predictions(self, outputs: Any, targets: Any = None) -> None:
        """Keep the outputs on the validation part, where a table reads the epoch; call it before `report`.

        Args:
            outputs: an array or tensor, [n] or [n, outputs].
            targets: what they are compared with, [n], such as the number of each row's class.

        Raises:
            ReportError: one has another shape, or the epoch has been reported.
        """
        with _Apart(self):
            if self._epoch == 0 or self._reported >= self._epoch:
                raise self._refused("trial.predictions() belongs before trial.report(…), within an epoch")
            array = np.asarray(_on_cpu(outputs), dtype=np.float32)
            if array.ndim not in (1, 2):
                raise self._refused(f"trial.predictions(): shape {array.shape} is neither [n] nor [n, outputs]")
            self._predictions, self._targets = array.reshape(len(array), -1), self._compared(targets, len(array))

    def finish(self, function: str) -> None:
        """Check that a function that has returned has trained all epochs.

        Raises:
            ReportError: it has not, or has caught an error of the trial.
        """
        if self._problem is not None:
            raise self._problem
        if not self._began:
            raise ReportError(f"{function} returned without a loop over trial.epochs(); train within one")
        if not self.ended:
            done = f"after epoch {self._reported} of {self.total}" if self._reported else "before it reported an epoch"
            raise ReportError(f"{function} returned {done}; train until trial.epochs() ends")

    def _compared(self, targets: Any, rows: int) -> NDArray[Any] | None:
        if targets is None:
            return None
        array = np.asarray(_on_cpu(targets))
        if array.shape != (rows,) or array.dtype.kind not in "buif":
            raise self._refused(
                f"trial.predictions(): targets of shape {array.shape} and type {array.dtype} are not a number for each "
                f"of {rows} outputs; give as many as there are outputs"
            )
        return array.astype(np.float32 if array.dtype.kind == "f" else np.int64)

    def _checked(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        names = self._metrics or tuple(metrics)
        for name in metrics:
            if name not in names:
                raise self._refused(f"epoch {self._epoch}: {unknown('declared metric', name, names)}")
        missing = [name for name in names if name not in metrics]
        if missing:
            raise self._refused(
                f"epoch {self._epoch}: the report lacks {', '.join(missing)}; report every metric of the study"
            )
        return {name: self._number(name, metrics[name]) for name in names}

    def _number(self, name: str, value: Any) -> float:
        try:
            if not isinstance(value, bool | str | bytes):
                return float(value)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            pass
        raise self._refused(f"epoch {self._epoch}: {name} is {shown(value)}, which is not a number")

    def _refused(self, problem: str) -> ReportError:
        # The first stands, whatever the function does after it has caught it.
        self._problem = self._problem or ReportError(problem)
        return self._problem


def _on_cpu(values: Any) -> Any:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values


class _Apart:
    """A context whose time does not count as the training function's."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        self._trial._apart += time.perf_counter() - self._began
