"""Live progress of a search: what has ended, the best so far, and how much of the budget is left."""

import time
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any, TextIO

from tune_jobs.ledger.record import LOST
from tune_jobs.study.search import Search
from tune_jobs.training.display import Display
from tune_jobs.training.eta import Eta
from tune_jobs.training.running_curves import Point, RunningCurves
from tune_jobs.training.snapshot import InTraining, Snapshot
from tune_jobs.words import counted

_SHARE_BEFORE_ESTIMATE = 0.02


class SearchProgress:
    """Shows how a search goes.

    Args:
        search: with its budget.
        tally: how far earlier runs have brought it, as of `tune_jobs.standing.search.tally`.
        stream: takes the lines; standard error by default.
        on_ended: told key and name of each trial that has ended.
    """

    def __init__(
        self,
        search: Search,
        tally: Mapping[str, Any],
        *,
        stream: TextIO | None = None,
        on_ended: Callable[[str, str], None] = lambda key, label: None,
    ) -> None:
        self._display = Display(stream=stream)
        self._search = search
        self._on_ended = on_ended
        self._training: dict[str, tuple[str, int, int]] = {}
        self._curves = RunningCurves()
        self._tally, self._share = tally, tally["share"]
        self._started = time.monotonic()
        self._eta = Eta(1.0, least_share=_SHARE_BEFORE_ESTIMATE)
        self._eta.begin(self._share)
        self.endings: list[tuple[str, str]] = []
        self.restarts: list[str] = []
        self._display.show_first(self.snapshot)

    @property
    def running(self) -> dict[str, int]:
        """Epochs done, by key, of the trials that are training."""
        return {key: epoch for key, (_, epoch, _) in self._training.items()}

    @property
    def curves(self) -> Mapping[str, Sequence[Point]]:
        """Points of the learning curves of the trials in training, by key."""
        return self._curves.points

    @property
    def outcomes(self) -> list[str]:
        """How the trials ended, in order."""
        return [outcome for outcome, _ in self.endings]

    def advanced(self, key: str, label: str, epoch: int, epochs: int, value: float = nan) -> None:
        """Note that a trial has done so many of its epochs, and the validation metric of the last, if that is known."""
        self._training[key] = (label, epoch, epochs)
        self._curves.add(key, epoch, value)
        self._show(force=False)

    def ended(self, key: str, label: str, outcome: str, reason: str, tally: Mapping[str, Any]) -> None:
        """Note that a trial has ended, and where the search stands now."""
        self._forget(key)
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
        self._forget(key)
        self.restarts.append(key or label)
        self._display.say_restart(label)

    def lost(self, key: str, label: str, reason: str) -> None:
        """Note that a trial lost its worker for good."""
        self._forget(key)
        self.endings.append((LOST, reason))
        self._display.say_ending(LOST, label, reason)

    def _forget(self, key: str) -> None:
        self._training.pop(key, None)
        self._curves.forget(key)

    def close(self) -> None:
        """Remove the display."""
        self._display.close()

    def snapshot(self) -> Snapshot:
        """How far the search is now."""
        tally, budget = self._tally, self._search.budget
        ended = counted(tally["ended"], "trial")
        best = [(tally["best"], tally["best_trial"])] if tally["best"] else []
        return Snapshot(
            count=ended if budget.trials is None else f"{tally['ended']:,}/{counted(budget.trials, 'trial')}",
            share=self._share,
            began=self._started,
            taken=time.monotonic(),
            seconds_left=self._eta.seconds_left(self._share),
            notes=[*self._budget_words(), *self._stopped_words(), *self._display.bad_endings],
            best=best,
            training=[InTraining(*one) for one in self._training.values()],
        )

    def _budget_words(self) -> list[str]:
        """How much of the budget is used, unless its trials alone say that."""
        budget = self._search.budget
        if budget.epochs is None and budget.minutes is None:
            return []
        return [f"{self._share:.0%} of {budget} used"]

    def _stopped_words(self) -> list[str]:
        tally = self._tally
        rungs = [f"epoch {epoch} by {count:,}" for epoch, count in tally["rungs"] if count]
        reached = [f"reached: {', '.join(rungs)}"] if rungs else []
        return [f"{tally['stopped']:,} stopped early", *reached]

    def _show(self, *, force: bool) -> None:
        self._display.show(self.snapshot, force=force)
