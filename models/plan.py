"""How far a training goes, when it is measured, and what may end or interrupt it (no torch)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from models.history import History
from models.protocols import TrainingConfig


@dataclass(frozen=True)
class TrainingPlan:
    """How far to train, and the epochs after which to measure in evaluation mode and keep predictions.

    Attributes:
        epochs: how far to train; None for all epochs of the configuration, fewer for the beginning of that run.
        measure_at: measure after these epochs.
        measure_improvements: measure after each epoch whose validation metric beats all before it.
        measure_stops: measure where early stopping with these patiences would end the trajectory.
    """

    epochs: int | None = None
    measure_at: Collection[int] = ()
    measure_improvements: bool = False
    measure_stops: Collection[int] = ()

    def last_epoch(self, config: TrainingConfig) -> int:
        """Return how many epochs the configuration is trained for."""
        return config.epochs if self.epochs is None else self.epochs


class Snapshots(Protocol):
    """Where a training keeps the state from which it can be resumed."""

    def load(self) -> bytes | None:
        """Return the last snapshot; None where there is none."""

    def due(self) -> bool:
        """Tell whether to take a snapshot after this epoch."""

    def save(self, content: bytes) -> None:
        """Keep a snapshot in place of the one before."""


@dataclass(frozen=True)
class TrainingControl:
    """What may end a training early, or let it be resumed.

    Attributes:
        time_limit_seconds: wall-clock limit for each trajectory, counted from where it starts or resumes; past it the
            running epoch is discarded.
        on_epoch: called with the history so far after every epoch that a snapshot does not have; a reason that it
            returns ends the trajectory there, as pruned.
        snapshots: of the one trajectory, to resume it after an interruption. A snapshot that cannot be used is ignored.
    """

    time_limit_seconds: float | None = None
    on_epoch: Callable[[History], str | None] | None = None
    snapshots: Snapshots | None = None
