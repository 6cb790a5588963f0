"""The log of this project: Python's `logging`, a logger for each module.

Warnings are for everybody. What is below them shows what was passed over and why, to whoever looks for a fault. A
program that imports `ablatune` sets these loggers up as it likes.
"""

import logging
import sys
from collections import deque

_PACKAGES = ("analysis", "data_utils", "models", "tune_jobs")
# Of what a worker logs between two reports.
_MOST_LINES, _MOST_LETTERS = 50, 4000

# A line of a log on its way to another process: its level, its logger, its text.
Line = tuple[int, str, str]


class _Terminal(logging.Handler):
    """Writes to what is standard error at the time, and nothing twice: a command may meet the same file often."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def format(self, record: logging.LogRecord) -> str:
        where = "" if record.levelno >= logging.WARNING else f" {record.name}:"
        return f"ablatune: {record.levelname.lower()}:{where} {super().format(record)}"

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if line not in self.said:
            self.said.add(line)
            print(line, file=sys.stderr, flush=True)


class _Kept(logging.Handler):
    """Keeps the last lines until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[Line] = deque(maxlen=_MOST_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.name, self.format(record)[-_MOST_LETTERS:]))


_terminal, _kept = _Terminal(), _Kept()


def log_to_terminal(*, verbose: bool) -> None:
    """Write warnings to standard error from now on; if `verbose`, everything."""
    _terminal.said.clear()
    _add(_terminal, logging.DEBUG if verbose else logging.NOTSET)


def keep_lines() -> None:
    """Keep what this process logs, for `taken_lines`: a worker has no terminal."""
    _add(_kept, logging.DEBUG)


def taken_lines() -> list[Line]:
    """Return the lines that were kept since the last call."""
    taken = list(_kept.lines)
    _kept.lines.clear()
    return taken


def log_again(line: Line) -> None:
    """Log a line of another process."""
    level, name, text = line
    logging.getLogger(name).log(level, "%s", text)


def _add(handler: logging.Handler, level: int) -> None:
    for package in _PACKAGES:
        logger = logging.getLogger(package)
        logger.addHandler(handler)
        logger.setLevel(level)
