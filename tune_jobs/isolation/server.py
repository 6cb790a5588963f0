"""The child's side: a process that calls functions for its parent, and forks.

The first process of a tree imports what all others need and nothing of the user. It is not threaded, so a fork of it is
as good as a new process, and takes milliseconds rather than the seconds that importing torch takes.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import importlib
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from data_utils.errors import DatasetError
from models.errors import ModelError
from tune_jobs.errors import UserError
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.handles import receive_handles
from tune_jobs.isolation.own_builtins import OwnBuiltins

FORK, CALL, WAIT = "fork", "call", "wait"
RESULT, RAISED, OURS, MESSAGE = "result", "raised", "ours", "message"
# Exit codes of a process that can no longer answer, with nothing in its file.
NO_CHANNEL, NO_FUNCTIONS = 76, 70
_DIE_WITH_PARENT, _ADOPT_ORPHANS = 1, 36  # of prctl
# Above those that code which closes or replaces "all" files usually names.
_HIGHEST_HANDLE = 4096
_FILES_OF_FORK = 8
# Those that code sends to itself by habit; faulthandler looks after crashes.
_SIGNALS_THAT_END = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
# Errors that mean the same in the parent.
_OURS = (UserError, ModelError, DatasetError)

# The user's code may replace them.
_exit: Callable[[int], NoReturn] = os._exit
_dumps, _listdir, _dup, _close = pickle.dumps, os.listdir, os.dup, os.close
_getpid, _getppid, _setpgid, _getsignal = os.getpid, os.getppid, os.setpgid, signal.getsignal
# The connection to the parent, which `ask` uses.
_parent: "Connection[Any, Any] | None" = None
# A file that outlives this process, for the traceback of its death; the first process of a tree has none.
_crash: int = -1
# This process, but for copies of it that the user's code makes.
_mine: int = -1


def start(handle: int) -> NoReturn:
    """Be the first process of a tree: take the module path and what to import from the parent, then serve."""
    if sys.platform.startswith("linux"):
        _go_on_in_child(handle)
        ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1)
    channel: Connection[Any, Any] = Connection(handle)
    sys.path[:], modules = channel.recv()
    for module in modules:
        importlib.import_module(module)
    channel.send_bytes(_dumps((RESULT, None)))
    _serve(channel)


def _go_on_in_child(handle: int) -> None:
    """Continue in a child of this process, which only waits for it.

    What ends the children of a process without warning, as Ray does to those of its workers, then ends this one; the
    child is told, and ends what its forks have left.
    """
    this, pid = os.getpid(), os.fork()
    if pid:
        os.close(handle)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status < 0:
            os.kill(this, -status)
        _exit(status)

    def end(*_: object) -> NoReturn:
        _end_tree()
        _exit(1)

    signal.signal(signal.SIGTERM, end)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
    if os.getppid() != this:
        _exit(1)


def ask(message: Any) -> Any:
    """Send a message to the parent from a function that it called, and return its answer."""
    if _parent is None:
        raise RuntimeError("there is no parent to ask")
    _end_copy()
    with OwnBuiltins():
        try:
            _parent.send_bytes(_dumps((MESSAGE, message), protocol=5))
            return _parent.recv()
        except (EOFError, OSError):
            _exit(NO_CHANNEL)


def threads() -> int:
    """How many threads this process has, those of C libraries included; 0 if the system does not say."""
    try:
        return len(_listdir("/proc/self/task"))
    except OSError:
        return 0


def can_open_files() -> bool:
    """Whether this process may open as many files as a fork of it needs."""
    opened: list[int] = []
    try:
        for _ in range(_FILES_OF_FORK):
            opened.append(_dup(0))
    except OSError:
        return False
    finally:
        for handle in opened:
            _close(handle)
    return True


def _serve(channel: "Connection[Any, Any]") -> NoReturn:
    global _parent, _mine
    _parent, _mine = channel, _getpid()
    try:
        while True:
            with OwnBuiltins():
                kind, *rest = channel.recv()
            if kind == FORK:
                _fork(channel)
            elif kind == WAIT:
                channel.send(_status(*rest))
            else:
                _call(channel, *rest)
    except (EOFError, OSError):
        if _crash < 0:
            _end_tree()
        _exit(NO_CHANNEL)
    except BaseException:
        if _crash < 0:
            raise
        with contextlib.suppress(BaseException):
            traceback.print_exc()
        _exit(NO_FUNCTIONS)


def _end_tree() -> None:
    """In the first process: end what its forks leave, in whatever session; the system makes orphans its children."""
    with contextlib.suppress(OSError):  # no child is left, or the system does not say which there are
        while True:
            children = Path(f"/proc/self/task/{_getpid()}/children").read_text().split()
            for pid in children:
                os.kill(int(pid), signal.SIGKILL)
            os.waitpid(-1, 0)


def _end_copy() -> None:
    """End this process if it is a copy that the user's code made with `os.fork`: the parent talks to the original."""
    if _getpid() != _mine:
        _exit(0)


def _fork(channel: "Connection[Any, Any]") -> None:
    connection, crash = receive_handles(channel, 2)
    answer: tuple[str, Any]
    try:
        answer = (RESULT, os.fork())
    except OSError as error:
        answer = (RAISED, Failure.of(error))
    if answer != (RESULT, 0):
        _close(connection)
        _close(crash)
        channel.send_bytes(_dumps(answer))
        return
    channel.close()
    if _crash < 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    connection, crash = map(_moved_up, (connection, crash))
    _die_with_parent()
    # A group of its own: what it starts ends with it, and Ctrl-C in a terminal is the parent's to handle.
    _setpgid(0, 0)
    _report_death(crash)
    _serve(Connection(connection))


def _moved_up(handle: int) -> int:
    """Give an open file a number that code which closes or replaces files seldom names."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = _HIGHEST_HANDLE if limit == resource.RLIM_INFINITY else min(limit, _HIGHEST_HANDLE)
    try:
        moved = fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, lowest // 2)
    except OSError:
        return handle
    _close(handle)
    return moved


def _die_with_parent() -> None:
    if not sys.platform.startswith("linux"):
        return
    parent = _getppid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if _getppid() != parent:  # it died before the call
        _exit(1)


def _report_death(crash: int) -> None:
    """Let whatever ends this process leave its traceback in a file: a signal, a time limit or `os._exit`."""
    global _crash
    _crash = crash
    faulthandler.enable(crash)
    for number in _SIGNALS_THAT_END:
        if _getsignal(number) == signal.SIG_DFL:
            faulthandler.register(number, crash, all_threads=False, chain=True)
    mine = _getpid()

    def exit_with_traceback(status: int) -> NoReturn:
        if _getpid() == mine:
            faulthandler.dump_traceback(crash, all_threads=False)
        _exit(status)

    os._exit = exit_with_traceback


def _call(channel: "Connection[Any, Any]", target: str, arguments: tuple[Any, ...], seconds: float | None) -> None:
    if seconds is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=_crash)
    try:
        with OwnBuiltins():
            module, _, name = target.partition(":")
            called = getattr(importlib.import_module(module), name)
        answer = (RESULT, called(*arguments))
    except BaseException as error:
        _end_copy()
        with OwnBuiltins():
            answer = _raised(error)
    _end_copy()
    with OwnBuiltins():
        # While the answer is sent, a value with methods of the user's may still run them.
        try:
            content = _dumps(answer, protocol=5)
        except BaseException as error:
            content = _dumps((RAISED, Failure.of(error)))
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
