"""Where the progress of a run is shown: live on a terminal or in a notebook, plain lines in a log."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from html import escape
from typing import Any, TextIO

from models.history import DIVERGED, TIMED_OUT
from tune_jobs.ledger.record import FAILED, LOST
from tune_jobs.training.snapshot import Snapshot
from tune_jobs.training.terminal import Terminal

# A log gets a line after this time, and later after this share of the time so far: a day makes about 200 lines.
LINE_PERIOD_SECONDS, _LINE_PERIOD_SHARE = 10.0, 0.03
_LIVE_PERIOD_SECONDS = 0.25
# So many trials that end badly are named, for each outcome; the others are counted.
_MOST_NAMED = 20
_BAD = (DIVERGED, FAILED, LOST, TIMED_OUT)


class Display:
    """Shows the progress of a run: live on a terminal or in a notebook, else a line now and then."""

    def __init__(self, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._began = time.monotonic()
        self._shown = 0.0
        self._best_named: set[str] = set()
        self._bad: Counter[str] = Counter()
        self._live: Terminal | _NotebookBar | None = None
        if stream is None and _in_notebook():
            self._live = _NotebookBar()
        elif self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._live = Terminal(self._stream)

    @property
    def bad_endings(self) -> list[str]:
        """How many trials ended badly, by outcome, in words."""
        return [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in self._bad.items()]

    def show_first(self, taken: Callable[[], Snapshot]) -> None:
        """Show where the run begins, where something live would else be empty until a trial has trained."""
        if self._live is not None:
            self._live.update(taken())

    def show(self, taken: Callable[[], Snapshot], *, force: bool) -> None:
        """Show how far the run is, unless that was done a moment ago.

        Args:
            taken: makes the snapshot.
            force: whether to show it in any case.
        """
        now = time.monotonic()
        if not force and now - self._shown < self._period(now):
            return
        self._shown = now
        if self._live is not None:
            self._live.update(taken())
        else:
            snapshot = taken()
            print(snapshot.line_after(self._best_named), file=self._stream, flush=True)
            self._best_named = {label for _, label in snapshot.best}

    def _period(self, now: float) -> float:
        if self._live is not None:
            return _LIVE_PERIOD_SECONDS
        return max(LINE_PERIOD_SECONDS, _LINE_PERIOD_SHARE * (now - self._began))

    def say(self, line: str) -> None:
        """Print a separate line."""
        if self._live is not None:
            self._live.say(line)
        else:
            print(line, file=self._stream, flush=True)

    def say_ending(self, outcome: str, label: str, reason: str) -> None:
        """Say how a trial ended, if it ended badly."""
        if outcome not in _BAD:
            return
        self._bad[outcome] += 1
        words = outcome.replace("_", " ")
        if self._bad[outcome] <= _MOST_NAMED:
            self.say(f"{words}: {label}: {reason}")
        elif self._bad[outcome] == _MOST_NAMED + 1:
            self.say(f"{words}: more trials, which from here on are only counted")

    def say_restart(self, label: str) -> None:
        """Say that a trial lost its worker and starts again."""
        self.say(f"lost its worker, starts again: {label}")

    def close(self) -> None:
        """Remove what is live."""
        if self._live is not None:
            self._live.close()


class _NotebookBar:
    """A bar in a notebook's output, redrawn in place."""

    def __init__(self) -> None:
        from IPython.display import display

        self._handle: Any = display({"text/plain": "starting"}, raw=True, display_id=True)

    def update(self, snapshot: Snapshot) -> None:
        bar = f'<progress value="{snapshot.share:.4f}" max="1"></progress> {escape(snapshot.line)}'
        self._handle.update({"text/plain": snapshot.line, "text/html": bar}, raw=True)

    def say(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        """Leave the last state standing."""


def _in_notebook() -> bool:
    """Return whether output goes to a notebook; a terminal's IPython is a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
