"""Sends the results of a run to trackers while it goes on: the driver's side.

Each tracker has a process of its own, which reads the ledger. The driver only says which trials there are and which
have ended, and never waits for an answer before the end.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.standing.standing import Standing
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import SEARCH
from tune_jobs.study.trackers import MLFLOW, TENSORBOARD, Tracker
from tune_jobs.trackers.sender import ENDED, FINISH, LEFT, LEVELS, PROBLEM, SENT
from tune_jobs.trackers.tracked_run import levels_of
from tune_jobs.words import counted, duration

Say = Callable[[str], None]
# How long a tracker may take for a run or a report at the end, and for all that is left.
QUIET_SECONDS, LAST_SECONDS = 60.0, 600.0
# After an interrupt nobody waits long.
INTERRUPTED_SECONDS = 5.0
_JOIN_SECONDS = 1.0
_MOST_MESSAGES = 10_000
_POLL_SECONDS = 0.1
_RUN_LATER = "training goes on without it, and what was not sent is sent later"
_REPORT_LATER = "`ablatune report` tries again"


def require_clients(trackers: Sequence[Tracker]) -> None:
    """Check that the clients of trackers are installed.

    Raises:
        UserError: one is not.
    """
    for tracker in trackers:
        if tracker.package and not _is_installed(tracker.package):
            raise UserError(
                f"{tracker.where}: {tracker} needs {tracker.package}, which is not installed; run "
                f"`pip install 'ablatune[{tracker.package}]'`"
            )


def _is_installed(package: str) -> bool:
    spec = find_spec(package)
    # A folder of this name, such as that of W&B's files, is no package.
    return spec is not None and spec.origin is not None


class Tracking:
    """Tells the trackers of a run what there is to send. Use it as a context manager, which waits for them at its end.

    Args:
        trackers: to send to; none cost nothing.
        storage: of the ledger.
        study: its name.
        say: prints a line.

    Attributes:
        interrupted: whether to wait for a few seconds only.
    """

    def __init__(self, trackers: Sequence[Tracker], storage: Storage, study: str, say: Say) -> None:
        self._feeds = [
            _Feed(tracker, {"storage": storage.shared_uri, "study": study, "report": ""}, say, _RUN_LATER)
            for tracker in trackers
            if tracker.kind != TENSORBOARD
        ]
        self._told: dict[str, dict[str, list[str]]] = {}
        self._say = say
        self.interrupted = False

    def expect(self, standing: Standing) -> None:
        """Say which trials the study has by now, and at which levels of which tables."""
        if not self._feeds:
            return
        levels = levels_of(standing)
        new = {key: value for key, value in levels.items() if self._told.get(key) != value}
        self._told = levels
        for feed in self._feeds:
            feed.put({LEVELS: new})

    def ended(self, key: str, label: str = "") -> None:
        """Say that a trial has ended, and that its record is in the ledger.

        Args:
            key: of the trial.
            label: of a trial that a search has drawn: nobody could expect it.
        """
        if label and self._feeds:
            self._told[key] = {**self._told.get(key, {}), SEARCH: [label]}
        for feed in self._feeds:
            feed.put({LEVELS: {key: self._told[key]}, ENDED: [key]} if label else {ENDED: [key]})

    def __enter__(self) -> "Tracking":
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        hurry = self.interrupted or kind is not None
        try:
            for feed in self._feeds:
                feed.finish()
            for feed in self._feeds:
                left = feed.wait(INTERRUPTED_SECONDS if hurry else QUIET_SECONDS)
                self._say_sent(feed, left)
        finally:
            for feed in self._feeds:
                feed.end()

    def _say_sent(self, feed: "_Feed", left: int | None) -> None:
        if feed.sent:
            self._say(f"{feed.tracker}: {counted(feed.sent, 'run')} sent")
        if left is None:
            self._say(f"{feed.tracker}: some runs may not be sent yet; the next run of the study sends them")
        elif left:
            are, them = ("is", "it") if left == 1 else ("are", "them")
            self._say(
                f"{feed.tracker}: {counted(left, 'run')} {are} not sent yet; the next run of the study sends {them}"
            )


def send_report(trackers: Sequence[Tracker], study: str, folder: Path, say: Say) -> None:
    """Send the files of a study's report to trackers, one after the other; what goes wrong is said."""
    for tracker in trackers:
        if tracker.kind == TENSORBOARD:
            continue
        try:
            require_clients([tracker])
        except UserError as error:
            say(f"{error}; the report was not sent")
            continue
        feed = _Feed(tracker, {"storage": "", "study": study, "report": str(folder.absolute())}, say, _REPORT_LATER)
        if feed.wait(QUIET_SECONDS) == 0:
            say(f"{tracker}: the report was sent")
        else:
            say(f"{tracker}: the report was not sent")


class _Feed:
    """The process that sends to one tracker, and what is known of it.

    Args:
        tracker: to send to.
        job: what the process is to do.
        say: prints a line.
        later: what becomes of what is not sent.
    """

    def __init__(self, tracker: Tracker, job: Mapping[str, str], say: Say, later: str) -> None:
        self.tracker, self._say, self._later = tracker, say, later
        self.sent = 0
        self._left: int | None = None
        self._complained = self._dropped = False
        self._heard = time.monotonic()
        self._messages: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_MOST_MESSAGES)
        self._process = _start()
        self._stdin: Any = self._process.stdin
        self._stdout: Any = self._process.stdout
        self.put({**job, "kind": tracker.kind, "place": tracker.place, "address": _address(tracker)})
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    def put(self, message: Mapping[str, Any]) -> None:
        """Tell the process something, as soon as it listens. What it is too slow to hear, it finds in the ledger."""
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self._dropped = True

    def finish(self) -> None:
        """Tell the process that there is no more to come."""
        with contextlib.suppress(queue.Full):  # it does not listen, and is ended soon
            self._messages.put({FINISH: {"all": self._dropped}}, timeout=1)
            self._messages.put(None, timeout=1)
        self._heard = time.monotonic()

    def wait(self, quiet_seconds: float) -> int | None:
        """Wait until the process has ended; return how many runs it has left, None if that is unknown.

        One that says nothing for so long, or goes on for `LAST_SECONDS`, is ended.
        """
        try:
            until = time.monotonic() + LAST_SECONDS
            while not self._has_ended():
                quiet = time.monotonic() - self._heard
                if quiet > quiet_seconds or time.monotonic() > until:
                    if quiet_seconds > INTERRUPTED_SECONDS:
                        self._complain(f"did not answer for {duration(quiet)}")
                    break
                time.sleep(_POLL_SECONDS)
        finally:
            self.end()
        return self._left

    def end(self) -> None:
        """End the process, with all that it has started."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _has_ended(self) -> bool:
        """Whether it has ended; its id stays its own until `end`."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _write(self) -> None:
        stream = self._stdin
        with contextlib.suppress(OSError), stream:  # a process that has ended hears nothing
            while (message := self._messages.get()) is not None:
                stream.write(f"{json.dumps(message)}\n")
                stream.flush()

    def _read(self) -> None:
        with self._stdout as stream:
            for line in stream:
                answer = json.loads(line)
                self._heard = time.monotonic()
                self.sent = answer.get(SENT, self.sent)
                self._left = answer.get(LEFT, self._left)
                if PROBLEM in answer:
                    self._complain(answer[PROBLEM])

    def _complain(self, problem: str) -> None:
        if not self._complained:
            self._complained = True
            self._say(f"{self.tracker}: {problem}; {self._later}")


def _start() -> "subprocess.Popen[str]":
    project = str(Path(__file__).resolve().parents[2])
    # Not the working folder: it may hold a module with the name of a library's.
    paths = [project, *(path for path in sys.path if path not in ("", project))]
    program = f"import sys; sys.path[:] = {paths!r}; from tune_jobs.trackers.sender import main; main()"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _address(tracker: Tracker) -> str:
    """The tracker's address, the same from every folder."""
    if tracker.kind == MLFLOW and "://" not in tracker.place:
        return f"{MLFLOW}:{Path(tracker.place).absolute()}"
    return str(tracker)
