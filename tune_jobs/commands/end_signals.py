"""SIGTERM, and SIGHUP of a terminal that closes, end a command as Ctrl-C does: with what to do next, losing nothing."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from tune_jobs.training.exit_codes import INTERRUPTED

SAFE_TO_REPEAT = "ablatune: interrupted; what has finished is kept, the same command continues"
# Whoever asks a process to end often kills it ten seconds later.
_GRACE_SECONDS = 8.0
_ENDING = (signal.SIGTERM, signal.SIGHUP)
# In place of a signal's number.
_OVER = 0


@contextmanager
def ended_like_ctrl_c() -> Iterator[Callable[[int], int]]:
    """Have signals that end the process do what Ctrl-C does meanwhile, unless they are ignored, as under `nohup`.

    Yields a function that takes an exit code and returns the one to end with: that of the signal for an interrupt which
    a signal caused.
    """
    caught: list[int] = []
    # A handler may be interrupted by the next signal, where a lock could be held: only this queue is safe from it.
    told: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=_watch, args=(told,), name="end-signals", daemon=True).start()

    def end(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:  # it is on its way out, which another interrupt would only break off
            return
        told.put(number)
        # Tune puts a handler of its own there, which ends a run in order. In the background Ctrl-C may be ignored.
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(number, frame)

    before: dict[signal.Signals, Any] = {}
    try:
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    except ValueError:  # not in the main thread: signals are somebody else's
        before.clear()
    try:
        yield lambda code: 128 + caught[0] if caught and code == INTERRUPTED else code
    finally:
        told.put(_OVER)
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(told: "SimpleQueue[int]") -> None:
    """Leave the process some seconds after a signal: Ray would wait a minute for processes that ended with it."""
    number = told.get()
    if number == _OVER:
        return
    try:
        told.get(timeout=_GRACE_SECONDS)
    except Empty:
        _leave(number)


@contextmanager
def noting_signals() -> Iterator[Callable[[], bool]]:
    """Have Ctrl-C and the signals that end the process interrupt nothing meanwhile, unless they are ignored.

    Yields whether one of them came.
    """
    came: list[int] = []
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *_ENDING):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield lambda: bool(came)
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _leave(number: int) -> None:
    print(SAFE_TO_REPEAT, file=sys.stderr, flush=True)
    os._exit(128 + number)
