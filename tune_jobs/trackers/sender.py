"""The process that sends a study's runs to one tracker: what the ledger has and the notes lack.

It hears from the driver over its standard input and answers on its standard output, a JSON value a line. What the
tracker's client prints goes nowhere: it may hold what nobody should read. A client that hangs holds up this process
alone.
"""

import json
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO

from tune_jobs.errors import UserError, cut, redacted
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.study.trackers import MLFLOW, WANDB_OFFLINE
from tune_jobs.trackers.claim import Claim
from tune_jobs.trackers.notes import Notes, folder_of
from tune_jobs.trackers.tracked_run import Levels, TrackedRun

# What the two processes say to each other.
LEVELS, ENDED, FINISH = "levels", "ended", "finish"
SENT, LEFT, PROBLEM, END = "sent", "left", "problem", "end"
# Between two looks at the ledger; also so many times as long as the last one took, so that the disk is left to others.
_PERIOD_SECONDS, _SHARE = 5.0, 10.0
_LONGEST_PAUSE_SECONDS = 60.0
_NICE = 10
_MOST_LETTERS = 200
_SECRET_NAME = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
_SHORTEST_SECRET = 4

Tell = Callable[[Mapping[str, Any]], None]


class Client(Protocol):
    """Writes runs into a tracker. Errors are of any kind."""

    def send(self, run: TrackedRun) -> None: ...
    def send_report(self, folder: Path) -> None: ...
    def close(self) -> None: ...


def main() -> None:
    """Serve a driver until it says that the run is over, or is gone."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    os.nice(_NICE)

    def tell(answer: Mapping[str, Any]) -> None:
        answers.write(f"{json.dumps(answer)}\n")

    job = json.loads(sys.stdin.readline())
    open_client = lambda: client_of(job["kind"], job["place"], job["study"])  # noqa: E731
    if job["report"]:
        send_report(open_client, Path(job["report"]), tell)
        return
    messages: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, messages), daemon=True).start()
    Sender(Storage.at(job["storage"]), job["study"], job["address"], open_client, tell).serve(messages)


def client_of(kind: str, place: str, study: str) -> Client:
    """Open a tracker. The clients are large, so they are imported here."""
    if kind == MLFLOW:
        from tune_jobs.trackers.mlflow_client import MlflowRuns

        return MlflowRuns(place, study)
    from tune_jobs.trackers.wandb_client import WandbRuns

    return WandbRuns(place, study, offline=kind == WANDB_OFFLINE)


def send_report(open_client: Callable[[], Client], folder: Path, tell: Tell) -> None:
    """Send the files of a report; say what went wrong, if anything."""
    try:
        client = open_client()
        client.send_report(folder)
        client.close()
    except Exception as error:  # whatever a client raises
        tell({PROBLEM: without_secrets(error)})
        tell({END: True, LEFT: 1})
    else:
        tell({END: True, LEFT: 0})


class Sender:
    """Sends runs until it hears that the run is over.

    Args:
        storage: of the ledger.
        study: its name.
        address: of the tracker; names the notes.
        open_client: opens the tracker.
        tell: takes what the driver should hear.
    """

    def __init__(
        self, storage: Storage, study: str, address: str, open_client: Callable[[], Client], tell: Tell
    ) -> None:
        self._storage, self._study, self._tell = storage, study, tell
        self._open = open_client
        folder = folder_of(address, study)
        self._folder = folder
        self._claim = Claim(storage, *folder, "claims")
        self._notes: Notes | None = None
        self._client: Client | None = None
        self._levels: dict[str, Levels] = {}
        self._waiting: set[str] = set()
        self._looked_at: set[str] = set()
        self._sent = self._left = self._failures = 0
        self._due = 0.0

    def serve(self, messages: "queue.SimpleQueue[Mapping[str, Any]]") -> None:
        """Take messages, and send what there is to send, until one says that the run is over."""
        while True:
            pause = max(0.0, self._due - time.monotonic()) if self._waiting else _LONGEST_PAUSE_SECONDS
            with suppress(queue.Empty):
                message = messages.get(timeout=pause) if pause else messages.get_nowait()
                self._take(message)
                if FINISH in message:
                    break
                continue
            if self._waiting:
                self.send()
        self._tell({SENT: self._sent})  # a sign of life: the last look may take a while
        self.send()
        with suppress(Exception):  # the driver hears how many are left; a claim ends with its process
            self._claim.release()
        if self._client is not None:
            with suppress(Exception):
                self._client.close()
        self._tell({END: True, SENT: self._sent, LEFT: self._left})

    def _take(self, message: Mapping[str, Any]) -> None:
        levels = message.get(LEVELS, {})
        self._levels.update(levels)
        ended = set(message.get(ENDED, ())) & self._levels.keys()
        self._looked_at -= ended
        self._waiting |= ended | levels.keys()
        if FINISH in message:
            # What the driver had to drop is found, too.
            self._waiting |= self._levels.keys() - (set() if message[FINISH]["all"] else self._looked_at)

    def send(self) -> None:
        """Send what the ledger has of the waiting trials; if that fails, say so and try again later."""
        started = time.monotonic()
        try:
            if self._claim.renew():
                self._send()
                self._failures = 0
            else:
                self._notes, self._left = None, len(self._waiting)
                self._tell({PROBLEM: "another run of the study is sending its results there"})
            pause = max(_PERIOD_SECONDS, _SHARE * (time.monotonic() - started) if not self._sent else 0.0)
        except Exception as error:  # whatever a client raises
            self._client = None
            self._failures += 1
            self._tell({PROBLEM: without_secrets(error)})
            pause = _PERIOD_SECONDS * 2**self._failures
        self._due = time.monotonic() + min(pause, _LONGEST_PAUSE_SECONDS)

    def _send(self) -> None:
        if self._notes is None:
            self._notes = Notes(self._storage, *self._folder)
        runs = self._runs(self._notes)
        self._left = len(runs)
        written = time.monotonic()
        try:
            for run in runs:
                self._client = self._client or self._open()
                self._client.send(run)
                self._notes.add(run.key, run.signature)
                self._waiting.discard(run.key)
                self._sent, self._left = self._sent + 1, self._left - 1
                self._tell({SENT: self._sent})
                if time.monotonic() - written >= _PERIOD_SECONDS:
                    written = time.monotonic()
                    self._notes.write()
                    if not self._claim.renew():
                        return
        finally:
            self._notes.write()

    def _runs(self, notes: Notes) -> list[TrackedRun]:
        """The runs that were not sent; what the ledger does not have yet waits until it ends."""
        ledger = Ledger.find(self._storage)
        records = {} if ledger is None else ledger.read(keys=self._waiting).records
        runs = [
            TrackedRun(self._study, levels, records[key])
            for key, levels in self._levels.items()
            if key in self._waiting and key in records
        ]
        self._looked_at |= records.keys()
        unsent = [run for run in runs if not notes.has(run.key, run.signature)]
        self._waiting = {run.key for run in unsent}
        return unsent


def without_secrets(error: BaseException) -> str:
    """Say what an error says in one line, without the values of variables of the environment that are secret."""
    words = " ".join(str(error).split()) or type(error).__name__
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            words = words.replace(value, "…")
    words = words if isinstance(error, UserError) else f"{type(error).__name__}: {words}"
    return cut(redacted(words), _MOST_LETTERS)


def _read(stream: TextIO, messages: "queue.SimpleQueue[Mapping[str, Any]]") -> None:
    """Read what the driver says; end this process if the driver is gone: a later run sends the rest."""
    finished = False
    for line in stream:
        message = json.loads(line)
        finished = finished or FINISH in message
        messages.put(message)
    if not finished:
        os._exit(1)
