"""How far a run is at a moment, as values for a display, and as one line for a log."""

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass

from tune_jobs.words import duration

# So many trials in training are named in one line, with so many letters.
_MOST_TRAINING, _MOST_LETTERS = 3, 50


@dataclass(frozen=True)
class InTraining:
    """A trial that is training, with the epochs it has done and all that it will do."""

    label: str
    epoch: int
    epochs: int

    @property
    def position(self) -> str:
        """How far it is: "7/20 epochs"."""
        return f"{self.epoch}/{self.epochs} epochs"


@dataclass(frozen=True)
class Snapshot:
    """How far a run is at a moment.

    Attributes:
        count: what has ended and how many there are: "12/48 trials".
        share: of the work that is done, 0 to 1.
        began: when the run began, on the clock `time.monotonic`.
        taken: when this was so.
        seconds_left: from then on; None while that cannot be told.
        notes: further facts, such as how many trials diverged.
        best: what the best trials so far have reached, and which trials they are.
        training: the trials that are training.
    """

    count: str
    share: float
    began: float
    taken: float
    seconds_left: float | None = None
    notes: Sequence[str] = ()
    best: Sequence[tuple[str, str]] = ()
    training: Sequence[InTraining] = ()

    @property
    def elapsed(self) -> str:
        """How long the run has taken by now."""
        return f"elapsed {duration(time.monotonic() - self.began)}"

    @property
    def left(self) -> str:
        """How long the run will still take, seen from now."""
        if self.seconds_left is None:
            return "estimating what is left"
        return f"about {duration(max(0.0, self.seconds_left - (time.monotonic() - self.taken)))} left"

    @property
    def line(self) -> str:
        """All of it in one line."""
        return self.line_after(())

    def line_after(self, named: Container[str]) -> str:
        """All of it in one line of a log, in which some trials were named as the best before."""
        parts = [", ".join([self.count, *self.notes, self.elapsed, self.left])]
        if self.best:
            best = (value if label in named else f"{value} ({label})" for value, label in self.best)
            parts.append(f"best so far {', '.join(best)}")
        if self.training:
            shown = (f"{_cut(one.label)} {one.position}" for one in self.training[:_MOST_TRAINING])
            parts.append(f"training {'; '.join(shown)}")
        more = len(self.training) - _MOST_TRAINING
        return "; ".join([*parts, *([f"and {more:,} more"] if more > 0 else [])])


def _cut(label: str) -> str:
    return label if len(label) <= _MOST_LETTERS else f"{label[: _MOST_LETTERS - 1].rstrip()}…"
