"""TensorBoard logs: the curves of a trial as they grow, its hyperparameters and its final metrics.

Writing a file takes longer than training a tiny trial, which nobody watches: by default only longer ones get one.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.history import History
from tune_jobs.errors import StorageError, first_line
from tune_jobs.storage.local_errors import meaning
from tune_jobs.storage.storage import Storage
from tune_jobs.training.run_options import LOGGED_AFTER_SECONDS

if TYPE_CHECKING:
    from tensorboardX.event_file_writer import EventsWriter

FOLDER = "tensorboard"
# In a storage that is not a folder, uploads replace this file as it grows, and when the trial is trained again.
_UPLOADED = "events.out.tfevents.ablatune"
_FLUSH_PERIOD_SECONDS = 10.0
# How long a trial must train to get a log, by the option of the run.
LOGGED_AFTER = {"auto": LOGGED_AFTER_SECONDS, "on": 0.0, "off": inf}

_log = logging.getLogger(__name__)


class TrialLog:
    """Writes the event file of a trial, directly into a local storage, or into a temporary folder with regular uploads.

    Use it as a context manager: however the trial ends, the file is uploaded on the way out. If the log cannot be
    written, that is said in Python's log, and training goes on without it; nothing is trained again for it.

    Args:
        storage: of the ledger.
        run: makes the trial's name in TensorBoard.
        period_seconds: between two uploads.
        wanted: "on", "off", or "auto", which opens the log once the trial has trained for so long; it then has all
            epochs since the first.
    """

    def __init__(
        self, storage: Storage, run: Callable[[], str], period_seconds: float = 60.0, wanted: str = "on"
    ) -> None:
        self._storage = storage.patient(0)
        self._name = run
        self._run = ""
        self._period = period_seconds
        self._after = LOGGED_AFTER[wanted]
        self._uploaded = self._flushed = time.monotonic()
        self._epochs = 0
        self._timed = 0
        self._trained = 0.0
        self._staged = storage.local_root is None
        self._folder: Path | None = None
        self._events: EventsWriter | None = None

    def epoch(self, history: History) -> None:
        """Add the new rows: the last epoch, and all before it that the log has not."""
        self._trained += sum(history.train_seconds[self._timed :])
        self._timed = history.epochs
        if self._trained < self._after:
            return
        with self._giving_up():
            if not self._run:
                self._run = self._name()
                self._open(self._storage.local_root)
            self._write_rows(history)

    def summarise(self, fields: Mapping[str, Any], history: History) -> None:
        """Add hyperparameters and final metrics."""
        with self._giving_up():
            if self._events is not None:
                self._add_summary(fields, history)

    def __enter__(self) -> "TrialLog":
        return self

    def __exit__(self, *raised: object) -> None:
        with self._giving_up():
            self._flush()
            if self._staged:
                self._upload()
        self._close()
        if self._staged and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write_rows(self, history: History) -> None:
        if self._events is None:
            return
        from tensorboardX.summary import scalar

        for epoch in range(self._epochs + 1, history.epochs + 1):
            for tag, values in _curves(history):
                self._add(scalar(tag, values[epoch - 1]), epoch)
        self._epochs = history.epochs
        if time.monotonic() - self._flushed >= _FLUSH_PERIOD_SECONDS:
            self._flush()
        if self._staged and time.monotonic() - self._uploaded >= self._period:
            self._upload()

    def _open(self, root: Path | None) -> None:
        # Imported here and below: only workers need it, and it takes a while.
        from tensorboardX.event_file_writer import EventsWriter

        self._folder = Path(tempfile.mkdtemp()) if root is None else root / FOLDER / self._run
        if root is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
        # Not tensorboardX's SummaryWriter: it writes in a thread, which dies of a full disk, and training then waits
        # for it for good.
        self._events = EventsWriter(str(self._folder / "events"))

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Give the log up if it cannot be written."""
        try:
            yield
        except (OSError, StorageError) as error:
            why = str(error) if isinstance(error, StorageError) else meaning(error) or first_line(error)
            # Without the trial's name: the same is true of all trials, and is said once.
            _log.warning("the TensorBoard log of a trial cannot be written: %s", why)
            _log.debug("the log was of %s", self._run)
            self._close()

    def _close(self) -> None:
        if self._events is not None:
            events, self._events = self._events, None
            with suppress(OSError):  # of a log that was given up, and said so
                events.close()

    def _add(self, summary: Any, epoch: int | None = None) -> None:
        from tensorboardX.proto.event_pb2 import Event

        if self._events is not None:
            self._events.write_event(Event(wall_time=time.time(), step=epoch, summary=summary))

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if self._events is not None:
            self._events.flush()

    def _upload(self) -> None:
        """Upload the log, or say that it was not: the next upload has the whole of it."""
        self._uploaded = time.monotonic()
        if self._events is None or self._folder is None:
            return
        self._events.flush()
        for path in self._folder.iterdir():
            try:
                self._storage.write(path.read_bytes(), FOLDER, self._run, _UPLOADED)
            except StorageError as error:
                _log.warning("the TensorBoard log of a trial was not uploaded: %s", error)

    def _add_summary(self, fields: Mapping[str, Any], history: History) -> None:
        from tensorboardX.summary import hparams, scalar

        # SummaryWriter.add_hparams would add a second run for each trial.
        names = ("train_loss", "train_metric", "validation_loss", "validation_metric", "train_seconds")
        ends = history.reported or {name: getattr(history, name) for name in names}
        final = {f"final/{name}": values[-1] for name, values in ends.items() if values}
        finite = {name: value for name, value in final.items() if isfinite(value)}
        # Without the first, which describes an experiment: TensorBoard would take its columns from one run alone, and
        # no other could have a field of its own, such as the momentum of another optimizer.
        _, *session = hparams(hparam_dict=_hparams(fields), metric_dict=finite)
        for summary in session:
            self._add(summary)
        for name, value in finite.items():
            self._add(scalar(name, value), history.epochs)


def _hparams(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters as TensorBoard takes them: a list of widths, or no value, is text."""
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in fields.items()
    }


def _curves(history: History) -> Iterator[tuple[str, Sequence[float]]]:
    """The curves of a log, each with its tag: those of every record, or what a training function reports."""
    if history.is_reported:
        yield from history.reported.items()
        return
    for name in ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate"):
        group, _, quantity = name.partition("_")
        yield f"{quantity}/{group}" if group != "learning" else name, getattr(history, name)
