"""SIGTERM, and SIGHUP of a terminal that closes, end a command as Ctrl-C does: with what to do next, losing nothing."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tune_jobs.training.exit_codes import INTERRUPTED

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_like_ctrl_c() -> Iterator[Callable[[int], int]]:
    """Have signals that end the process do what Ctrl-C does meanwhile, unless they are ignored, as under `nohup`.

    Yields a function that takes an exit code and returns the one to end with: that of the signal for an interrupt which
    a signal caused.
    """
    caught: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
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
        for number, handler in before.items():
            signal.signal(number, handler)
