"""An exception as plain values, whatever it is: readable, of limited length, and safe to store and send."""

import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data_utils.errors import printable
from tune_jobs.isolation.own_builtins import OwnBuiltins

_LONGEST_TEXT, _LONGEST_TRACEBACK = 500, 20_000
_MOST_FRAMES = 200


class Frame(NamedTuple):
    """A line of code that was running; `function` is "" for a line that does not compile."""

    file: str
    line: int
    function: str


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception says that memory ran out, the system's or a GPU's."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


@dataclass(frozen=True)
class Failure:
    """What is known of an exception.

    Attributes:
        kind: its class.
        text: the first line of its message, printable.
        traceback: as Python prints it, printable.
        frames: from the outermost call to the innermost.
        out_of_memory: whether it says that memory ran out.
        exits: whether it was to end the process, as `SystemExit` is.
    """

    kind: str
    text: str
    traceback: str
    frames: tuple[Frame, ...] = ()
    out_of_memory: bool = False
    exits: bool = False

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Describe an exception; its own methods may raise."""
        with OwnBuiltins():
            kind = " ".join(_printable(type(error).__name__, 80).split())
            frames = tuple(_frames(error))
            return cls(
                kind=kind,
                text=_text(error),
                traceback=_traceback(error, kind, frames),
                frames=frames,
                out_of_memory=is_out_of_memory(error),
                exits=isinstance(error, SystemExit),
            )

    def place(self, files: Collection[str]) -> str:
        """Where in some files the exception arose, as "net.py:12, in forward"; "" if elsewhere."""
        return place(reversed(self.frames), files)

    def at(self, files: Collection[str]) -> str:
        """Say what it is, and where in some files it arose."""
        return at_place(str(self), self.place(files))

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


def place(frames: Iterator[Frame], files: Collection[str]) -> str:
    """The first of some lines that is in one of the files, as "net.py:12, in forward"; "" if there is none."""
    found = next((frame for frame in frames if frame.file in files), None)
    if found is None:
        return ""
    return f"{Path(found.file).name}:{found.line}" + (f", in {found.function}" if found.function else "")


def at_place(words: str, place: str) -> str:
    """Add a place, if there is one, to words."""
    return f"{words} ({place})" if place else words


def _printable(text: str, longest: int) -> str:
    """Make a text printable, of at most so many characters."""
    return printable(f"{text[:longest]}… ({len(text):,} characters)" if len(text) > longest else text)


def _text(error: BaseException) -> str:
    try:
        text = str(error).strip()
    except BaseException as second:
        return f"(its message cannot be shown: __str__ raises {_printable(type(second).__name__, 80)})"
    return _printable((text.splitlines() or [""])[0], _LONGEST_TEXT)


def _traceback(error: BaseException, kind: str, frames: Collection[Frame]) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:
        lines = [f'  File "{frame.file}", line {frame.line}, in {frame.function}' for frame in frames]
        text = "\n".join(["Traceback (most recent call last):", *lines, kind, ""])
    if len(text) > _LONGEST_TRACEBACK:
        half = _LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n…\n{text[-half:]}"
    return _printable(text, 2 * _LONGEST_TRACEBACK)


def _frames(error: BaseException) -> Iterator[Frame]:
    found = [
        Frame(_printable(frame.f_code.co_filename, 4096), line, _printable(frame.f_code.co_name, 80))
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    yield from found[-_MOST_FRAMES:]
    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and isinstance(error.lineno, int):
        yield Frame(error.filename, error.lineno, "")
