"""What a study declares of its search."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tune_jobs.study.schedulers import Scheduler
from tune_jobs.study.space import Space

if TYPE_CHECKING:
    pass

_ID_LENGTH = 12


@dataclass(frozen=True)
class Budget:
    """How much a search may use; the first limit that is reached ends it. None is no limit."""

    trials: int | None = None
    epochs: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        limits = {"trials": self.trials, "epochs": self.epochs, "minutes": self.minutes}
        given = {unit: limit for unit, limit in limits.items() if limit is not None}
        return " or ".join(
            f"{limit:,g} {unit}" if unit == "minutes" else f"{limit:,} {unit}" for unit, limit in given.items()
        )


@dataclass(frozen=True)
class Search:
    """A joint search, and what follows once its budget is used up.

    Attributes:
        base: what the search overrides of the study's base.
        sampler: one of `tune_jobs.study.samplers.SAMPLERS`.
        seed: draws the points; every trial of the search has weights of seed 0.
        seeds: replicates, with seeds and validation parts that chose nothing, of every configuration that follows.
        audit: how many of the stopped trials are let finish.
        confirm: how many of the best are compared by their replicates.
        path: replicates that choose the order of the steps from the default configuration to the winner; 0 for no path.
        interactions: for how many pairs of factors a factorial is run.
    """

    space: Space
    base: Mapping[str, Any] = field(default_factory=dict)
    scheduler: Scheduler = field(default_factory=Scheduler)
    sampler: str = "tpe"
    budget: Budget = field(default_factory=lambda: Budget(trials=60))
    seed: int = 0
    seeds: int = 3
    audit: int = 12
    confirm: int = 5
    path: int = 1
    interactions: int = 3
    read: str = "last"
    select: str = "metric"

    @property
    def space_id(self) -> str:
        """What names the space, so that one that was used up is not taken for a wider one."""
        return hashlib.sha256(repr((self.sampler, self.space)).encode()).hexdigest()[:_ID_LENGTH]
