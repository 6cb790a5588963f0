"""Where the progress of a run is shown: a bar on a terminal or in a notebook, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterable
from html import escape
from typing import Any, TextIO

from models.history import DIVERGED, TIMED_OUT
from tune_jobs.ledger.record import FAILED, LOST

LINE_PERIOD_SECONDS = 10.0
_MOST_TRAINING = 4


class Display:
    """Shows the progress of a run: a bar on a terminal or in a notebook, else a line every few seconds."""

    def __init__(self, total: int | None, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._printed = 0.0
        self._bar: _Bar | _NotebookBar | None = None
        if stream is None and _in_notebook():
            self._bar = _NotebookBar(total)
        elif self._stream.isatty():
            self._bar = _Bar(total)

    def show(self, done: float, line: Callable[[], str], *, force: bool) -> None:
        """Show how much of the total is done, and a line."""
        if self._bar is not None:
            self._bar.update(done, line())
        elif force or time.monotonic() - self._printed >= LINE_PERIOD_SECONDS:
            self._printed = time.monotonic()
            print(line(), file=self._stream, flush=True)

    def say(self, line: str) -> None:
        """Print a separate line."""
        if self._bar is not None:
            self._bar.say(line)
        else:
            print(line, file=self._stream, flush=True)

    def say_ending(self, outcome: str, label: str, reason: str) -> None:
        """Say how a trial ended, if it ended badly."""
        if outcome in (DIVERGED, FAILED, LOST, TIMED_OUT):
            self.say(f"{outcome.replace('_', ' ')}: {label}: {reason}")

    def say_restart(self, label: str) -> None:
        """Say that a trial lost its worker and starts again."""
        self.say(f"lost its worker, starts again: {label}")

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def training_words(running: Iterable[tuple[str, int, int]]) -> str:
    """Say what is training, as the end of a progress line; "" for nothing.

    Args:
        running: for each trial its label, the epochs it has done, and all its epochs.
    """
    words = [f"{label} {epoch}/{epochs}" for label, epoch, epochs in running]
    return f"; training {'; '.join(words[:_MOST_TRAINING])} epochs" if words else ""


class _Bar:
    """A bar on a terminal (rich), redrawn in place."""

    def __init__(self, total: float | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
        self._task = self._progress.add_task("starting", total=total)
        self._progress.start()

    def update(self, finished: float, line: str) -> None:
        self._progress.update(self._task, completed=finished, description=line)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


class _NotebookBar:
    """A bar in a notebook's output, redrawn in place."""

    def __init__(self, total: float | None) -> None:
        from IPython.display import display

        self._total = total
        self._handle: Any = display({"text/plain": "starting"}, raw=True, display_id=True)

    def update(self, finished: float, line: str) -> None:
        text = f"{finished}/{self._total} {line}"
        bar = f'<progress value="{finished}" max="{self._total}"></progress> {escape(line)}'
        self._handle.update({"text/plain": text, "text/html": bar}, raw=True)

    def say(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        """Leave the last state standing."""


def _in_notebook() -> bool:
    """Return whether output goes to a notebook; a terminal's IPython is a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
