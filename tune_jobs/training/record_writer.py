"""Writes the records of a worker's trials: at once if they come seldom, else those of a moment as one file."""

import threading
import time
from contextlib import suppress

from tune_jobs.errors import StorageError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record

# A record that waits for others waits for this long. A file takes some milliseconds, whatever it holds.
DELAY_SECONDS = 0.5


class RecordWriter:
    """Writes records to a ledger so that each is durable within a second, whatever this process does meanwhile.

    Use it as a context manager: it ends with nothing left to write.

    Args:
        ledger: to write to.
        delay_seconds: how long a record may wait for others; 0 writes each at once.
    """

    def __init__(self, ledger: Ledger, delay_seconds: float = DELAY_SECONDS) -> None:
        self._ledger = ledger
        self._delay = delay_seconds
        self._lock = threading.Lock()
        self._waiting: list[Record] = []
        self._durable: list[Record] = []
        self._written = time.monotonic()
        self._timer: threading.Timer | None = None
        self._failed = self._raised = False

    @property
    def ledger(self) -> Ledger:
        """The ledger that takes the records."""
        return self._ledger

    def add(self, record: Record, *, at_once: bool = False) -> None:
        """Write a record, now or within a moment.

        Args:
            record: of a trial that has ended.
            at_once: whether it must be durable on return.

        Raises:
            StorageError: the ledger cannot be written. A refusal holds all that it did not take.
        """
        with self._lock:
            self._waiting.append(record)
            seldom = time.monotonic() - self._written >= self._delay
            if not (at_once or seldom or self._failed) and self._timer is None:
                self._timer = threading.Timer(self._delay, self._write_quietly)
                self._timer.daemon = True
                self._timer.start()
        if at_once or seldom:
            self.flush()
        else:
            self.check()

    def check(self) -> None:
        """Try again to write what could not be written meanwhile.

        Raises:
            StorageError: as `add`.
        """
        if self._failed:
            self.flush()

    def flush(self) -> None:
        """Write all that waits.

        Raises:
            StorageError: as `add`.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._raised = True
            self._write()
            self._raised = False

    def taken(self) -> list[Record]:
        """Return the records that have become durable since the last call."""
        with self._lock:
            taken, self._durable = self._durable, []
        return taken

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(self, *raised: object) -> None:
        if not self._raised:  # else that error is on its way, with all that waits
            self.flush()

    def _write_quietly(self) -> None:
        """In the timer's thread: a failure is raised where the worker next looks."""
        with self._lock, suppress(StorageError):
            self._timer = None
            self._write()

    def _write(self) -> None:
        self._failed = True
        self._ledger.write(*self._waiting)
        self._failed = False
        self._durable += self._waiting
        self._waiting = []
        self._written = time.monotonic()
