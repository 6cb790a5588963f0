"""SIGTERM, and SIGHUP of a terminal that closes, end a command as Ctrl-C does: with what to do next, losing nothing."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tune_jobs.training.exit_codes import INTERRUPTED

SAFE_TO_REPEAT = "ablatune: interrupted; what has finished is kept, the same command continues"
# Whoever asks a process to end often kills it ten seconds later.
_GRACE_SECONDS = 8.0
_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_like_ctrl_c() -> Iterator[Callable[[int], int]]:
    """Have signals that end the process do what Ctrl-C does meanwhile, unless they are ignored, as under `nohup`.

    Yields a function that takes an exit code and returns the one to end with: that of the signal for an interrupt which
    a signal caused.
    """
    caught: list[int] = []
    # What stops a job often ends Ray's processes too; Ray would wait a minute for them.
    patience = threading.Timer(_GRACE_SECONDS, lambda: _leave(caught[0]))
    patience.daemon = True

    def end(number: int, frame: FrameType | None) -> None:
        if not caught:
            patience.start()
        caught.append(number)
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
        patience.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int) -> None:
    print(SAFE_TO_REPEAT, file=sys.stderr, flush=True)
    os._exit(128 + number)
