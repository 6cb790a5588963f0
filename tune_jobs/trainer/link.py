"""What a trial tells, and asks of, whoever runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reported:
    """What an epoch has come to.

    Attributes:
        epoch: counted from 1.
        values: of each metric.
        seconds: of the epoch, without what the trial itself took.
        predictions: the outputs on the validation part, float32 [n, outputs], if the function gave them.
        targets: what they are compared with, [n], if the function gave that too.
    """

    epoch: int
    values: Mapping[str, float]
    seconds: float
    predictions: NDArray[np.float32] | None = None
    targets: NDArray[Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What follows from an epoch.

    Attributes:
        ends: whether the trial ends after it.
        keeps: whether a checkpoint of its end is of use.
        due: whether it is time for a checkpoint; said here, since a question of its own in every epoch takes time.
    """

    ends: bool = False
    keeps: bool = False
    due: bool = False


class Link(Protocol):
    """Who runs a trial."""

    def report(self, reported: Reported) -> Answer:
        """Take an epoch."""

    def load(self) -> tuple[int, bytes] | None:
        """Return the epoch of the last checkpoint and its content; None without one."""

    def save(self, epoch: int, content: bytes) -> None:
        """Keep a checkpoint in place of the one before."""


class Printing:
    """Runs a trial outside of any study: prints what it reports, and keeps no checkpoint."""

    def report(self, reported: Reported) -> Answer:
        """Print an epoch."""
        values: dict[str, Any] = {name: f"{value:g}" for name, value in reported.values.items()}
        words = ", ".join(f"{name} {value}" for name, value in values.items())
        print(f"epoch {reported.epoch}: {words} ({reported.seconds:.2g} s)", flush=True)
        return Answer()

    def load(self) -> tuple[int, bytes] | None:
        """There is nothing to go on from."""
        return None

    def save(self, epoch: int, content: bytes) -> None:
        """Keep nothing."""
