"""What a call of another process raises: that its function raised, or how the process ended, in words."""

import re
import signal
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tune_jobs.isolation import server
from tune_jobs.isolation.failure import Failure, Frame, at_place, place

_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
_FAULTS: Mapping[int, str] = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "an abort",
    signal.SIGBUS: "a bus error",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGILL: "an illegal instruction",
}
# How a process ended that cannot answer any more, by its exit code.
UNANSWERED: Mapping[int, str] = {
    server.NO_CHANNEL: "closed files that are not its own",
    server.NO_FUNCTIONS: "cannot go on without functions of Python that were replaced in it",
}
_MOST_NAMES = 3


class CallError(Exception):
    """A function raised in the process that was to call it; `failure` has what is known of the exception."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ProcessDeathError(Exception):
    """A process ended before its answer.

    Attributes:
        words: how, such as "ended with exit code 3".
        killed: whether something outside it did that, such as the system for want of memory.
        timed_out: whether the call took too long.
        frames: what it was doing, the innermost call first.
    """

    def __init__(self, words: str, *, killed: bool, timed_out: bool, frames: Sequence[Frame]) -> None:
        super().__init__(words)
        self.words = words
        self.killed = killed
        self.timed_out = timed_out
        self.frames = tuple(frames)

    def place(self, files: Collection[str]) -> str:
        """Where in some files it was, as "net.py:12, in forward"; "" if elsewhere."""
        return place(iter(self.frames), files)

    def at(self, files: Collection[str]) -> str:
        """Say how the process ended, and where in some files it was; if that is unknown, which files they are."""
        return at_place(f"its process {self.words}", self.place(files) or _names(files))


def ending_words(status: int | None) -> tuple[str, bool]:
    """How a process ended, and whether something outside it did that.

    Who sent a signal is not known. The system sends SIGKILL, for want of memory; others are mostly the code's own.
    """
    if status is None:
        return "was lost", True
    if status >= 0:
        return f"ended with exit code {status}", False
    number = -status
    try:
        name = signal.Signals(number).name
    except ValueError:  # the real-time signals have none
        name = f"signal {number}"
    return f"was ended by {_FAULTS.get(number, name)}", number == signal.SIGKILL


def _names(files: Collection[str]) -> str:
    names = sorted({Path(file).name for file in files})
    return " or ".join(names) if len(names) <= _MOST_NAMES else ""


def not_started(why: str) -> ProcessDeathError:
    """Say that there was no room for a process."""
    return ProcessDeathError(f"could not start ({why})", killed=True, timed_out=False, frames=())


def main_thread(text: str) -> list[Frame]:
    """The lines that the main thread was at, the innermost first, in what faulthandler wrote; it writes that last."""
    section = re.split(r"^(?:Current thread|Thread) .*$", text, flags=re.MULTILINE)[-1]
    return [Frame(file, int(line), function) for file, line, function in _FRAME.findall(section)]
