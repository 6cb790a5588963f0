"""A joint search as a study declares it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.study.schedulers import Scheduler
from tune_jobs.study.space import Space
from tune_jobs.words import counted

ID_LENGTH = 12


@dataclass(frozen=True)
class Budget:
    """Limits of a search; the first that is reached ends it. None means no limit."""

    trials: int | None = None
    epochs: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        limits = [counted(limit, unit) for limit, unit in ((self.trials, "trial"), (self.epochs, "epoch")) if limit]
        if self.minutes is not None:
            limits.append("1 minute" if self.minutes == 1 else f"{self.minutes:,g} minutes")
        return " or ".join(limits)


@dataclass(frozen=True)
class Search:
    """A joint search, and the comparisons that follow when its budget is used up.

    Attributes:
        base: what the search overrides of the study's base.
        sampler: one of `tune_jobs.study.samplers.SAMPLERS`.
        seed: random seed of the sampled points; every trial of the search has weights of seed 0, unless `replicates`.
        seeds: fresh replicates of every configuration that follows: their seeds and validation parts chose nothing.
        audit: how many stopped trials are trained to the end.
        confirm: how many of the best configurations are compared by fresh replicates.
        path: replicates that choose the order of the steps from the default configuration to the winner; 0 for no path.
        interactions: for how many pairs of factors a factorial is run.
        read: "last" or "best" epoch.
        select: "metric" or "loss".
        replicates: seeds, from 0 on, by whose mean a candidate goes on from a rung; see `tune_jobs.study.racing`.
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
    replicates: int = 1

    @property
    def space_id(self) -> str:
        """Identifies the space, so an exhausted space is not confused with a later, wider one.

        Journals keep it: names of the classes in the space, and of their attributes, must not change.
        """
        steps = {parameter.name: parameter.step for parameter in self.space if parameter.step is not None}
        content = (self.sampler, self.space, steps) if steps else (self.sampler, self.space)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:ID_LENGTH]
