"""The standard output of a command, which may be a full disk or a pipe whose reader has gone."""

import os
import re
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from tune_jobs.words import broken, cells

if TYPE_CHECKING:
    from rich.console import Console

# Narrower terminals break lines themselves.
_LEAST_COLUMNS = 20
_CODE = re.compile(r"`[^`]*`")
_KEPT_BLANK = "\0"


def flush_output() -> None:
    """Write what was printed, so what stands in the way is known while it can be said."""
    if sys.stdout is not None:
        sys.stdout.flush()


def is_of_output(error: OSError) -> bool:
    """Whether it was the standard output that could not be written: then it still cannot."""
    if error.filename is not None or sys.stdout is None:
        return False
    try:
        sys.stdout.write("\n")
        flush_output()
    except OSError as again:
        return again.errno == error.errno
    return False


def stop_printing() -> None:
    """Let the rest of the output go nowhere, or Python complains of it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(lines: str) -> None:
    """Print to standard error; where that cannot be written, the exit code alone says what happened."""
    with suppress(OSError):
        print(_fitted(lines, sys.stderr), file=sys.stderr, flush=True)


def say(lines: str) -> None:
    """Print lines; on a terminal, break them between words, and no command in them."""
    print(_fitted(lines, sys.stdout))


def _fitted(lines: str, stream: TextIO | None) -> str:
    if stream is None or not stream.isatty():
        return lines
    columns = shutil.get_terminal_size().columns
    return "\n".join(wrapped(line, columns) for line in lines.split("\n"))


def wrapped(line: str, columns: int) -> str:
    """Break a line between words, with the rest indented; a command between backquotes stays whole."""
    if cells(line) <= columns or columns < _LEAST_COLUMNS:
        return line
    kept = _CODE.sub(lambda found: found[0].replace(" ", _KEPT_BLANK), line)
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return "\n".join(broken(kept, columns, indent=indent)).replace(_KEPT_BLANK, " ")


def console() -> "Console":
    """Make a console of the standard output; what it raises where the reader of a pipe has gone is as of `print`."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process with exit code 1

    return Piped(highlight=False)
