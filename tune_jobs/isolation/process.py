"""The parent's side: start a process, fork it, let it call functions, and end it, whatever it does."""

import atexit
import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tune_jobs.isolation import server
from tune_jobs.isolation.call_errors import (
    UNANSWERED,
    CallError,
    ProcessDeathError,
    ending_words,
    main_thread,
    not_started,
)
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.handles import connected, hang_up, send_handles

# To import torch, on a machine that does much else.
START_SECONDS = 300.0
# Beyond a call's own limit, at which the process ends itself with a traceback.
_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.5
_PLAIN = frozenset(
    {"builtins", "collections", "data_utils", "datetime", "models", "numbers", "numpy", "pathlib", "tune_jobs", "types"}
)


class Process:
    """A process that this one started, or a fork of such a process. Not to be shared by threads.

    Args:
        channel: to it.
        pid: its process id.
        crash: a file that it leaves its traceback in; -1 for none.
        reap: tells how it ended: its exit code, or minus the signal; None if unknown.
    """

    def __init__(
        self, channel: "Connection[Any, Any]", pid: int, crash: int, reap: Callable[[int], int | None]
    ) -> None:
        self._channel = channel
        self._crash = crash
        self._reap = reap
        # When it is given up, while it has not said that it is ready.
        self._starts_until: float | None = None
        self.pid = pid
        self.alive = True

    def fork(self, *, seconds: float | None = None) -> "Process":
        """Fork it: the new process has all that this one has imported.

        Args:
            seconds: after which it is given up; None for no limit.

        Raises:
            ProcessDeathError: it ended, did not answer in time, or there is no room for another.
        """
        self._await_start()
        until = None if seconds is None else time.monotonic() + seconds + _GRACE_SECONDS
        with contextlib.ExitStack() as opened:
            try:
                ours, theirs = connected()
                opened.callback(ours.close)
                opened.callback(theirs.close)
                crash = _unnamed_file()
            except OSError as error:
                raise not_started(str(error.strerror)) from error
            opened.callback(os.close, crash)
            self._send((server.FORK,))
            try:
                send_handles(self._channel, [theirs.fileno(), crash])
            except OSError as error:
                raise self._died() from error
            kind, answer = self._receive(until)
            if kind == server.RAISED:
                raise not_started(answer.text)
            opened.pop_all()
        theirs.close()
        return Process(Connection(ours.detach()), answer, crash, self._status_of)

    def call(
        self,
        target: str,
        *arguments: Any,
        seconds: float | None = None,
        on_message: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Call a function there and return what it returns: numbers, texts, arrays and this project's values.

        Args:
            target: "module:function".
            arguments: that pickle can send.
            seconds: after which it is given up; None for no limit.
            on_message: answers what the function asks with `tune_jobs.isolation.server.ask`. What it raises ends the
                process.

        Raises:
            CallError: the function raised. Errors of this project's own kinds are raised as they are.
            ProcessDeathError: the process ended, or did not answer in time.
        """
        until = None if seconds is None else time.monotonic() + seconds + _GRACE_SECONDS
        try:
            self._await_start()
            self._send((server.CALL, target, arguments, seconds))
            while True:
                kind, content = self._receive(until)
                if kind != server.MESSAGE:
                    break
                self._send(on_message(content) if on_message is not None else None)
        except BaseException:
            self.end()
            raise
        if kind == server.OURS:
            raise content
        if kind == server.RAISED:
            raise CallError(content)
        return content

    def end(self) -> None:
        """End it now, and all that it started; it may have ended already."""
        if not self.alive:
            return
        if self._crash >= 0 or self._starts_until is not None:
            self._kill()
        else:
            # The first process of a tree ends what its forks have left behind, then itself.
            with contextlib.suppress(OSError):
                hang_up(self._channel)
            if self._reap(self.pid) is None:
                self._kill()
        self._reap(self.pid)
        self._close()

    def _await_start(self) -> None:
        until, self._starts_until = self._starts_until, None
        if until is not None:
            self._receive(until)

    def _send(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            raise self._died() from error

    def _receive(self, until: float | None) -> tuple[str, Any]:
        try:
            while not self._channel.poll(_POLL_SECONDS):
                if until is not None and time.monotonic() > until:
                    raise self._died(late=True)
            content = self._channel.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._died() from error
        try:
            kind, value = _Plain(io.BytesIO(content)).load()
        except Exception as error:
            return server.RAISED, Failure.of(error)
        return str(kind), value

    def _died(self, *, late: bool = False) -> ProcessDeathError:
        """Say how it ended; if it is late, end it first."""
        if not self.alive:
            return ProcessDeathError("has ended", killed=True, timed_out=False, frames=())
        if late:
            self._kill()
        status = self._reap(self.pid)
        runs_on = status is None
        if runs_on:
            self._kill()
            status = self._reap(self.pid)
        text = _read(self._crash)
        self._close()
        late = late or text.startswith("Timeout")
        if late:
            words, killed = "took too long", False
        elif runs_on and status is not None:
            words, killed = UNANSWERED[server.NO_CHANNEL], False
        elif not text and status is not None and status in UNANSWERED:
            words, killed = UNANSWERED[status], False
        else:
            words, killed = ending_words(status)
        return ProcessDeathError(words, killed=killed, timed_out=late, frames=main_thread(text))

    def _status_of(self, pid: int) -> int | None:
        """How a fork of it ended."""
        if not self.alive:
            return None
        try:
            self._channel.send((server.WAIT, pid))
            status: int | None = self._channel.recv()
        except (EOFError, OSError):
            return None
        return status

    def _kill(self) -> None:
        # Its process id is not given to another process before `_reap`.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(self.pid, signal.SIGKILL)

    def _close(self) -> None:
        self.alive = False
        self._channel.close()
        if self._crash >= 0:
            os.close(self._crash)


class _Plain(pickle.Unpickler):
    """Reads values of this project only: what it reads must not import the user's modules."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in _PLAIN:
            raise pickle.UnpicklingError(f"{module}.{name} is not a plain value")
        return super().find_class(module, name)


def start(modules: Sequence[str], *, silent: bool = False) -> Process:
    """Start the first process of a tree, without waiting until it is ready.

    Args:
        modules: that it imports, and so all its forks have.
        silent: whether what it and its forks print is dropped.

    Raises:
        ProcessDeathError: it ended, or there is no room for it. Later calls raise it too if it is not ready within
            `START_SECONDS`.
    """
    project = Path(__file__).resolve().parents[2]
    program = f"import sys; sys.path.insert(0, {str(project)!r}); from tune_jobs.isolation.server import start; "
    output = subprocess.DEVNULL if silent else None
    try:
        ours, theirs = connected()
    except OSError as error:
        raise not_started(str(error.strerror)) from error
    with theirs:
        try:
            child = subprocess.Popen(
                # -P: the working folder may hold a module with the name of a library's.
                [sys.executable, "-P", "-c", f"{program}start({theirs.fileno()})"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise not_started(str(error.strerror)) from error
    channel: Connection[Any, Any] = Connection(ours.detach())

    def reap(pid: int) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_GRACE_SECONDS)
        return None

    process = Process(channel, child.pid, -1, reap)
    process._send((list(sys.path), list(modules)))
    process._starts_until = time.monotonic() + START_SECONDS
    atexit.register(process.end)
    return process


def _unnamed_file() -> int:
    if hasattr(os, "memfd_create"):  # needs no folder that can be written
        return os.memfd_create("traceback")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _read(handle: int) -> str:
    if handle < 0:
        return ""
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 1_000_000).decode(errors="replace")
