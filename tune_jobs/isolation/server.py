"""The child's side: a process that calls functions for its parent, and forks.

The first process of a tree imports what all others need and nothing of the user. It is not threaded, so a fork of it is
as good as a new process, and takes milliseconds rather than the seconds that importing torch takes.
"""

import contextlib
import ctypes
import faulthandler
import importlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from data_utils.errors import DatasetError
from models.errors import ModelError
from tune_jobs.errors import UserError
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.handles import receive_handles

FORK, CALL, WAIT = "fork", "call", "wait"
RESULT, RAISED, OURS, MESSAGE = "result", "raised", "ours", "message"
_DIE_WITH_PARENT = 1
# Errors that mean the same in the parent.
_OURS = (UserError, ModelError, DatasetError)

_exit: Callable[[int], NoReturn] = os._exit
# The connection to the parent, which `ask` uses.
_parent: "Connection[Any, Any] | None" = None
# A file that outlives this process, for the traceback of its death.
_crash: int = -1


def start(handle: int) -> NoReturn:
    """Be the first process of a tree: take the module path and what to import from the parent, then serve."""
    channel: Connection[Any, Any] = Connection(handle)
    sys.path[:], modules = channel.recv()
    for module in modules:
        importlib.import_module(module)
    channel.send_bytes(pickle.dumps((RESULT, None)))
    _serve(channel)


def ask(message: Any) -> Any:
    """Send a message to the parent from a function that it called, and return its answer."""
    if _parent is None:
        raise RuntimeError("there is no parent to ask")
    _parent.send_bytes(pickle.dumps((MESSAGE, message), protocol=5))
    return _parent.recv()


def threads() -> int:
    """How many threads this process has, those of C libraries included; 0 if the system does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _serve(channel: "Connection[Any, Any]") -> NoReturn:
    global _parent
    _parent = channel
    while True:
        try:
            kind, *rest = channel.recv()
        except (EOFError, OSError):
            _exit(0)
        if kind == FORK:
            _fork(channel)
        elif kind == WAIT:
            channel.send(_status(*rest))
        else:
            _call(channel, *rest)


def _fork(channel: "Connection[Any, Any]") -> None:
    connection, crash = receive_handles(channel, 2)
    answer: tuple[str, Any]
    try:
        answer = (RESULT, os.fork())
    except OSError as error:
        answer = (RAISED, Failure.of(error))
    if answer != (RESULT, 0):
        os.close(connection)
        os.close(crash)
        channel.send_bytes(pickle.dumps(answer))
        return
    channel.close()
    _die_with_parent()
    # A group of its own: what it starts ends with it, and Ctrl-C in a terminal is the parent's to handle.
    os.setpgid(0, 0)
    _report_death(crash)
    _serve(Connection(connection))


def _die_with_parent() -> None:
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        _exit(1)


def _report_death(crash: int) -> None:
    """Let whatever ends this process leave its traceback in a file: a signal, a time limit or `os._exit`."""
    global _crash
    _crash = crash
    faulthandler.enable(crash)
    mine = os.getpid()

    def exit_with_traceback(status: int) -> NoReturn:
        if os.getpid() == mine:
            faulthandler.dump_traceback(crash, all_threads=False)
        _exit(status)

    os._exit = exit_with_traceback


def _call(channel: "Connection[Any, Any]", target: str, arguments: tuple[Any, ...], seconds: float | None) -> None:
    if seconds is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=_crash)
    try:
        module, _, name = target.partition(":")
        answer = (RESULT, getattr(importlib.import_module(module), name)(*arguments))
    except BaseException as error:
        answer = _raised(error)
    # While the answer is sent, a value with methods of the user's may still run them.
    try:
        content = pickle.dumps(answer, protocol=5)
    except BaseException as error:
        content = pickle.dumps((RAISED, Failure.of(error)))
    if seconds is not None:
        faulthandler.cancel_dump_traceback_later()
    channel.send_bytes(content)


def _raised(error: BaseException) -> tuple[str, Any]:
    if isinstance(error, _OURS) and type(error).__module__.partition(".")[0] in ("tune_jobs", "models", "data_utils"):
        return OURS, error
    return RAISED, Failure.of(error)


def _status(pid: int) -> int | None:
    """How a forked process ended, as `subprocess` says it: its exit code, or minus the signal; None if unknown."""
    until = time.monotonic() + 5.0
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
    return None
