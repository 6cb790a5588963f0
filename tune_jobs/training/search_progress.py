"""Live progress of a search: what has ended, the best so far, and how much of the budget is left."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from tune_jobs.ledger.record import LOST
from tune_jobs.study.search import Search
from tune_jobs.training.display import Display, training_words
from tune_jobs.training.eta import Eta
from tune_jobs.words import counted, duration

_SHARE_BEFORE_ESTIMATE = 0.02


class SearchProgress:
    """Shows how a search goes.

    Args:
        search: with its budget.
        share: of the budget that earlier runs have used up.
        stream: takes the lines; standard error by default.
        on_ended: told key and name of each trial that has ended.
    """

    def __init__(
        self,
        search: Search,
        share: float,
        *,
        stream: TextIO | None = None,
        on_ended: Callable[[str, str], None] = lambda key, label: None,
    ) -> None:
        self._display = Display(100, stream=stream)
        self._search = search
        self._on_ended = on_ended
        self._training: dict[str, tuple[str, int, int]] = {}
        self._share = share
        self._started = time.monotonic()
        self._eta = Eta(1.0, least_share=_SHARE_BEFORE_ESTIMATE)
        self._eta.begin(share)
        self._tally: Mapping[str, Any] = {}
        self.endings: list[tuple[str, str]] = []
        self.restarts: list[str] = []

    @property
    def running(self) -> dict[str, int]:
        """Epochs done, by key, of the trials that are training."""
        return {key: epoch for key, (_, epoch, _) in self._training.items()}

    @property
    def outcomes(self) -> list[str]:
        """How the trials ended, in order."""
        return [outcome for outcome, _ in self.endings]

    def advanced(self, key: str, label: str, epoch: int, epochs: int) -> None:
        """Note that a trial has done so many of its epochs."""
        self._training[key] = (label, epoch, epochs)
        self._show(force=False)

    def ended(self, key: str, label: str, outcome: str, reason: str, tally: Mapping[str, Any]) -> None:
        """Note that a trial has ended, and where the search stands now."""
        self._training.pop(key, None)
        self.endings.append((outcome, reason))
        self._tally, self._share = tally, tally["share"]
        self._on_ended(key, label)
        self._display.say_ending(outcome, label, reason)
        self._show(force=self._share >= 1)

    def refresh(self) -> None:
        """Show how far the search is, if nothing has been shown for a while."""
        self._show(force=False)

    def say(self, line: str) -> None:
        """Print a separate line."""
        self._display.say(line)

    def restarted(self, key: str, label: str) -> None:
        """Note that a trial lost its worker and starts again."""
        self._training.pop(key, None)
        self.restarts.append(key or label)
        self._display.say_restart(label)

    def lost(self, key: str, label: str, reason: str) -> None:
        """Note that a trial lost its worker for good."""
        self._training.pop(key, None)
        self.endings.append((LOST, reason))
        self._display.say_ending(LOST, label, reason)

    def close(self) -> None:
        """Remove the bar."""
        self._display.close()

    def line(self) -> str:
        """Say in one line how far the search is."""
        tally = self._tally
        parts = [
            f"{counted(tally.get('ended', 0), 'trial')} ended ({tally.get('stopped', 0)} stopped early)",
            f"budget {self._search.budget}: {self._share:.0%} used",
            f"elapsed {duration(time.monotonic() - self._started)}",
            self._eta.words(self._share),
        ]
        if tally.get("best"):
            parts.insert(1, f"best {tally['best']}")
        running = ((label.partition(" (")[0], epoch, epochs) for label, epoch, epochs in self._training.values())
        return ", ".join(parts) + training_words(running)

    def _show(self, *, force: bool) -> None:
        self._display.show(round(100 * self._share), self.line, force=force)
