"""Live progress of known trials, those of tables or the pilots of a plan; a search has `search_progress`."""

import time
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import TextIO

from tune_jobs.standing.best import BestSoFar, Score
from tune_jobs.training.display import Display
from tune_jobs.training.eta import Eta
from tune_jobs.training.running_curves import Point, RunningCurves
from tune_jobs.training.snapshot import InTraining, Snapshot
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.cost import epoch_weight
from tune_jobs.trial.trial import Trial

_SECONDS_BEFORE_ESTIMATE = 3.0


class Progress:
    """Counts finished trials and estimates how long the rest will take.

    The estimate scales the weights of what is left by the time that finished work has taken.

    Args:
        trials: to come.
        labels: a readable name for each, by key.
        stream: takes the lines; standard error by default.
        weigh: how long an epoch of a configuration takes, relative to others.
        counted: what the trials are called.
        on_ended: told the key of each trial that has ended.
        best: of the trials that ended before; it takes in those to come.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        labels: Mapping[str, str],
        *,
        stream: TextIO | None = None,
        weigh: Callable[[TrialConfig], float] = epoch_weight,
        counted: str = "trials",
        on_ended: Callable[[str], None] = lambda key: None,
        best: BestSoFar | None = None,
    ) -> None:
        self._display = Display(stream=stream)
        self._best = BestSoFar() if best is None else best
        self._configs = {trial.key: trial.config for trial in trials}
        self._counted = counted
        self._on_ended = on_ended
        self._weights = {trial.key: weigh(trial.config) for trial in trials}
        self._epochs = {trial.key: trial.epochs for trial in trials}
        self._labels = labels
        self.restarts: list[str] = []
        self._running: dict[str, int] = {}
        self._curves = RunningCurves()
        self._endings: dict[str, tuple[str, str]] = {}
        # Summed up as trials go: they may be many, and each is heard of often.
        self._weight_done = 0.0
        self._started = time.monotonic()
        total = sum(self._weights[key] * epochs for key, epochs in self._epochs.items())
        self._total = total
        self._eta = Eta(total, least_seconds=_SECONDS_BEFORE_ESTIMATE)
        self._display.show_first(self.snapshot)

    @property
    def running(self) -> dict[str, int]:
        """Epochs done, by key, of the trials that have begun and not finished."""
        return dict(self._running)

    @property
    def curves(self) -> Mapping[str, Sequence[Point]]:
        """Points of the learning curves of the trials in training, by key."""
        return self._curves.points

    @property
    def finished(self) -> dict[str, str]:
        """Outcomes, by key, of the trials that have finished."""
        return {key: outcome for key, (outcome, _) in self._endings.items()}

    @property
    def endings(self) -> list[tuple[str, str]]:
        """The outcomes of the trials that have finished, with the reasons."""
        return list(self._endings.values())

    def has_finished(self, key: str) -> bool:
        """Whether a trial has finished."""
        return key in self._endings

    def epochs_done(self, key: str) -> int:
        """The epochs that a trial in training has done."""
        return self._running.get(key, 0)

    def advanced(self, key: str, epoch: int, value: float = nan) -> None:
        """Note that a trial has done so many epochs, and the validation metric of the last, if that is known."""
        if key in self._endings:
            return
        self._weight_done += self._weights[key] * (epoch - self._running.get(key, 0))
        self._running[key] = epoch
        self._curves.add(key, epoch, value)
        # From the first sign of training, so Ray's start-up does not count.
        self._eta.begin(self._weight_done)
        self._show(force=False)

    def label(self, key: str) -> str:
        """A readable name for a trial."""
        return self._labels.get(key, key)

    def restarted(self, key: str, label: str) -> None:
        """Note that a trial lost its worker and starts again."""
        self._weight_done -= self._weights[key] * self._running.pop(key, 0)
        self._curves.forget(key)
        self.restarts.append(key)
        self._display.say_restart(label)

    def ended(self, key: str, outcome: str, reason: str, score: Score | None = None) -> None:
        """Note that a trial has ended, with what it has reached."""
        if key not in self._endings:
            self._weight_done += self._weights[key] * (self._epochs[key] - self._running.pop(key, 0))
        self._endings[key] = outcome, reason
        self._curves.forget(key)
        self._best.add(self._configs[key], score, self.label(key))
        self._on_ended(key)
        self._eta.begin(self._weight_done)
        self._display.say_ending(outcome, self.label(key), reason)
        self._show(force=len(self._endings) == len(self._epochs))

    def refresh(self) -> None:
        """Show how far the run is, if nothing has been shown for a while."""
        self._show(force=False)

    def say(self, line: str) -> None:
        """Print a separate line."""
        self._display.say(line)

    def close(self) -> None:
        """Remove the display."""
        self._display.close()

    def seconds_left(self) -> float | None:
        """Estimate the time to the end; None while too little has been done to tell."""
        return self._eta.seconds_left(self._weight_done)

    def snapshot(self) -> Snapshot:
        """How far the run is now."""
        return Snapshot(
            count=f"{len(self._endings):,}/{len(self._epochs):,} {self._counted}",
            share=self._weight_done / self._total if self._total else 0.0,
            began=self._started,
            taken=time.monotonic(),
            seconds_left=self.seconds_left(),
            notes=self._display.bad_endings,
            best=self._best.found,
            training=[InTraining(self.label(key), epoch, self._epochs[key]) for key, epoch in self._running.items()],
        )

    def _show(self, *, force: bool) -> None:
        self._display.show(self.snapshot, force=force)
