"""When a search stops a trial: the rungs of each scheduler, and the rule at a rung.

All of them are of the kind that stops and never pauses, as Ray Tune's `AsyncHyperBandScheduler` is, with four
things done otherwise: every epoch is looked at, so that no rung is skipped and filled in late; the trial itself is
among those that it is compared with; a trial that diverged takes part in every later rung, as the worst; and what has
been decided stands, whatever is interrupted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

SCHEDULERS: Mapping[str, str] = {
    "asha": "asynchronous successive halving: at each rung the best of those that reached it go on",
    "hyperband": "successive halving with several first rungs, in turn",
    "median": "a trial that is worse than the median of the others so far stops",
    "none": "every trial runs to its end",
}


@dataclass(frozen=True)
class Decision:
    """Whether a trial stops at a rung.

    Attributes:
        rank: among those that have reached the rung so far, itself included.
        of: how many these are.
    """

    stop: bool
    rank: int
    of: int


@dataclass(frozen=True)
class Scheduler:
    """The rule.

    Attributes:
        name: one of `SCHEDULERS`.
        grace_epochs: before the first rung nothing is stopped.
        reduction_factor: of those that reach a rung one in so many goes on.
        least_trials: so many others must have reached an epoch before their median counts.
    """

    name: str = "asha"
    grace_epochs: int = 1
    reduction_factor: int = 3
    least_trials: int = 5

    def brackets(self, epochs: int) -> list[tuple[int, ...]]:
        """Return the rungs, in epochs, of each bracket; the last epoch itself is none.

        ASHA has rungs at r, r·η, r·η², … below the last epoch (Li et al., 2020, "A system for massively parallel
        hyperparameter tuning"), Hyperband also brackets that start at a later one of them (Li et al., 2018).
        """
        if self.name == "none":
            return [()]
        if self.name == "median":
            return [tuple(range(self.grace_epochs, epochs))]
        rungs = []
        rung = self.grace_epochs
        while rung < epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        if self.name == "asha":
            return [tuple(rungs)]
        return [tuple(rungs[start:]) for start in range(len(rungs) + 1)]

    def bracket(self, number: int, epochs: int) -> int:
        """Return the bracket of a trial, so that each bracket is given about the same number of epochs."""
        brackets = self.brackets(epochs)
        if len(brackets) == 1:
            return 0
        costs = tuple(self._cost(rungs, epochs) for rungs in brackets)
        return _turns(costs, 1 << number.bit_length())[number]

    def expected_epochs(self, epochs: int) -> float:
        """Return how many epochs a trial takes on average, were each rung to keep its share exactly."""
        costs = [self._cost(rungs, epochs) for rungs in self.brackets(epochs)]
        return len(costs) / sum(1 / cost for cost in costs)

    def _cost(self, rungs: Sequence[int], epochs: int) -> float:
        if self.name in ("none", "median"):
            return float(epochs)
        ends = [*rungs, epochs]
        begins = [0, *rungs]
        parts = enumerate(zip(begins, ends, strict=True))
        return sum(((end - begin) / self.reduction_factor**position for position, (begin, end) in parts), 0.0)

    def score(self, scores: Sequence[float]) -> float:
        """Return what others are compared with, of the scores of a trial's epochs so far."""
        return sum(scores) / len(scores) if self.name == "median" else scores[-1]

    def decide(self, scores: Sequence[float], others: Sequence[float]) -> Decision:
        """Return what becomes of a trial at a rung.

        Args:
            scores: of its epochs so far, the higher the better.
            others: the `score` of each trial that has reached the rung before, minus infinity where it ended badly.
        """
        if self.name == "median":
            # Vizier's rule (Golovin et al., 2017): the best so far against the median of the running means.
            own = max(scores)
            rank = 1 + sum(other > own for other in others)
            return Decision(len(others) >= self.least_trials and own < median(others), rank, len(others) + 1)
        own = scores[-1]
        rank, of = 1 + sum(other > own for other in others), len(others) + 1
        return Decision(rank > max(1, of // self.reduction_factor), rank, of)


@lru_cache
def _turns(costs: tuple[float, ...], count: int) -> tuple[int, ...]:
    """Return the brackets of the first trials: the next is of the bracket that has been given the least."""
    counts = [0] * len(costs)
    turns = []
    for _ in range(count):
        chosen = min(range(len(costs)), key=lambda one: (counts[one] + 1) * costs[one])
        counts[chosen] += 1
        turns.append(chosen)
    return tuple(turns)


def rungs_in_words(scheduler: Scheduler, epochs: int) -> str:
    """Return the rungs as they are, for a person to read."""
    brackets = scheduler.brackets(epochs)
    if scheduler.name == "none":
        return f"none: every trial runs its {epochs} epochs"
    if scheduler.name == "median" and any(brackets):
        return (
            f"after each epoch from {scheduler.grace_epochs} to {epochs - 1} of {epochs}, once "
            f"{scheduler.least_trials} others have reached it"
        )
    if not any(brackets):
        return f"none below the {epochs} epochs of a trial: every trial runs to its end"
    words = [", ".join(map(str, rungs)) if rungs else "no rung" for rungs in brackets]
    kept = f"the best 1 in {scheduler.reduction_factor} of those that reach one go on"
    if len(brackets) == 1:
        return f"after epochs {words[0]} of {epochs}; {kept}"
    return f"brackets in turn, after epochs {' | '.join(words)} of {epochs}; {kept}"


def expected_arrivals(scheduler: Scheduler, trials: int, epochs: int) -> dict[int, float]:
    """Return how many of so many trials reach each rung of successive halving, the last epoch included."""
    rungs = scheduler.brackets(epochs)[0] if scheduler.name == "asha" else ()
    return {rung: trials / scheduler.reduction_factor**position for position, rung in enumerate([*rungs, epochs])}
