"""Live progress of a search: what has ended, the best so far, and how much of the budget is left."""

import time
from collections.abc import Mapping
from typing import Any, TextIO

from models.history import DIVERGED, TIMED_OUT
from tune_jobs.ledger.record import FAILED, LOST
from tune_jobs.study.search import Search
from tune_jobs.training.progress import Display
from tune_jobs.words import duration

_SHOWN = 4
_SHARE_BEFORE_ESTIMATE = 0.02


class SearchProgress:
    """Shows how a search goes.

    Args:
        search: with its budget.
        share: of the budget that earlier runs have used up.
    """

    def __init__(self, search: Search, share: float, *, stream: TextIO | None = None) -> None:
        self._display = Display(100, stream=stream)
        self._search = search
        self._training: dict[str, tuple[str, int, int]] = {}
        self._share = self._first_share = share
        self._started = time.monotonic()
        self._tally: Mapping[str, Any] = {}
        self.outcomes: list[str] = []
        self.restarts: list[str] = []

    @property
    def running(self) -> dict[str, int]:
        """Key to epochs done of the trials that are training."""
        return {key: epoch for key, (_, epoch, _) in self._training.items()}

    def advanced(self, key: str, label: str, epoch: int, epochs: int) -> None:
        """Note that a trial has done so many of its epochs."""
        self._training[key] = (label, epoch, epochs)
        self._display.show(round(100 * self._share), self.line, force=False)

    def ended(self, key: str, label: str, outcome: str, reason: str, tally: Mapping[str, Any]) -> None:
        """Note that a trial has ended, and how the search stands with it."""
        self._training.pop(key, None)
        self.outcomes.append(outcome)
        self._tally, self._share = tally, tally["share"]
        if outcome in (DIVERGED, FAILED, TIMED_OUT):
            self._display.say(f"{outcome.replace('_', ' ')}: {label}: {reason}")
        self._display.show(round(100 * self._share), self.line, force=self._share >= 1)

    def say(self, line: str) -> None:
        """Print a line of its own."""
        self._display.say(line)

    def restarted(self, key: str, label: str) -> None:
        """Note that a trial lost its worker and begins again."""
        self._training.pop(key, None)
        self.restarts.append(key or label)
        self.say(f"lost its worker, starts again: {label}")

    def lost(self, key: str, label: str, reason: str) -> None:
        """Note that a trial lost its worker for good."""
        self._training.pop(key, None)
        self.outcomes.append(LOST)
        self._display.say(f"lost: {label}: {reason}")

    def close(self) -> None:
        """Take the bar down."""
        self._display.close()

    def line(self) -> str:
        """Return the state of the search in one line."""
        tally = self._tally
        parts = [
            f"{tally.get('ended', 0)} trials ended ({tally.get('stopped', 0)} stopped at a rung)",
            f"budget {self._search.budget}: {self._share:.0%} used",
            f"elapsed {duration(time.monotonic() - self._started)}",
            self._left(),
        ]
        if tally.get("best"):
            parts.insert(1, f"best {tally['best']}")
        running = [f"{label.partition(' (')[0]} {epoch}/{epochs}" for label, epoch, epochs in self._training.values()]
        return ", ".join(parts) + (f"; training {'; '.join(running[:_SHOWN])} epochs" if running else "")

    def _left(self) -> str:
        gained = self._share - self._first_share
        if gained < _SHARE_BEFORE_ESTIMATE:
            return "estimating what is left"
        seconds = (time.monotonic() - self._started) * (1 - self._share) / gained
        return f"about {duration(seconds)} left"
