"""When a search stops a trial: the rungs of each scheduler, and the rule at a rung.

Like Ray Tune's `AsyncHyperBandScheduler`, all of them stop trials and never pause them. Four things differ: every epoch
is checked, so no rung is skipped and filled in later; a trial is compared with all that reached the rung, itself
included; a diverged trial counts as the worst at every later rung; and decisions survive an interruption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

SCHEDULERS: Mapping[str, str] = {
    "asha": "asynchronous successive halving: at each rung the best of the trials that reached it continue",
    "hyperband": "successive halving in several brackets, each with a later first rung",
    "median": "a trial stops when it is worse than the median of the others so far",
    "none": "every trial trains to the end",
}


@dataclass(frozen=True)
class Decision:
    """Whether a trial stops at a rung.

    Attributes:
        rank: among the trials that have reached the rung so far, itself included.
        of: how many have reached it.
        more: whether it stops there only until another seed of its candidate has reached the rung.
    """

    stop: bool
    rank: int
    of: int
    more: bool = False


@dataclass(frozen=True)
class Scheduler:
    """The rule by which a search stops trials.

    Attributes:
        name: one of `SCHEDULERS`.
        grace_epochs: epochs up to the first rung; no trial stops before it.
        reduction_factor: of the trials that reach a rung, 1 in this many continues.
        least_trials: how many others must have reached an epoch before their median counts.
    """

    name: str = "asha"
    grace_epochs: int = 1
    reduction_factor: int = 3
    least_trials: int = 5

    def brackets(self, epochs: int) -> list[tuple[int, ...]]:
        """The rungs of each bracket, in epochs, without the last epoch.

        ASHA has rungs at r, r·η, r·η², … below the last epoch (Li et al., 2020, "A system for massively parallel
        hyperparameter tuning"). Hyperband also has brackets that start at a later rung (Li et al., 2018).
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
        """The bracket of a trial. Over all trials, each bracket gets about the same number of epochs."""
        brackets = self.brackets(epochs)
        if len(brackets) == 1:
            return 0
        costs = tuple(self._cost(rungs, epochs) for rungs in brackets)
        return _turns(costs, 1 << number.bit_length())[number]

    def expected_epochs(self, epochs: int) -> float:
        """How many epochs a trial takes on average if every rung keeps exactly its share."""
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
        """The score that other trials are compared with, from the scores of a trial's epochs so far."""
        return sum(scores) / len(scores) if self.name == "median" else scores[-1]

    def decide(self, scores: Sequence[float], others: Sequence[float]) -> Decision:
        """Decide whether a trial stops at a rung.

        Args:
            scores: of its epochs so far, higher is better.
            others: the `score` of every trial that reached the rung before; minus infinity if it failed or diverged.
        """
        if self.name == "median":
            # Vizier's rule (Golovin et al., 2017): the best score so far against the median of the running means.
            best = max(scores)
            rank = 1 + sum(other > best for other in others)
            return Decision(len(others) >= self.least_trials and best < median(others), rank, len(others) + 1)
        latest = scores[-1]
        rank, of = 1 + sum(other > latest for other in others), len(others) + 1
        return Decision(rank > max(1, of // self.reduction_factor), rank, of)


@lru_cache
def _turns(costs: tuple[float, ...], count: int) -> tuple[int, ...]:
    """The brackets of the first trials: each trial goes to the bracket with the fewest epochs so far."""
    counts = [0] * len(costs)
    turns = []
    for _ in range(count):
        chosen = min(range(len(costs)), key=lambda bracket: (counts[bracket] + 1) * costs[bracket])
        counts[chosen] += 1
        turns.append(chosen)
    return tuple(turns)


def rungs_in_words(scheduler: Scheduler, epochs: int) -> str:
    """Describe the rungs for a person."""
    brackets = scheduler.brackets(epochs)
    if scheduler.name == "none":
        return f"none: every trial trains all {epochs} epochs"
    if scheduler.name == "median" and any(brackets):
        return (
            f"after each epoch from {scheduler.grace_epochs} to {epochs - 1} of {epochs}, once "
            f"{scheduler.least_trials} other trials have reached it"
        )
    if not any(brackets):
        return f"none below the {epochs} epochs of a trial: every trial trains to the end"
    words = [", ".join(map(str, rungs)) if rungs else "no rung" for rungs in brackets]
    kept = f"the best 1 in {scheduler.reduction_factor} of the trials that reach a rung continue"
    if len(brackets) == 1:
        return f"after epochs {words[0]} of {epochs}; {kept}"
    return f"brackets in turn, after epochs {' | '.join(words)} of {epochs}; {kept}"


def expected_arrivals(scheduler: Scheduler, trials: int, epochs: int) -> dict[int, float]:
    """How many of `trials` reach each rung of successive halving, and the last epoch."""
    rungs = scheduler.brackets(epochs)[0] if scheduler.name == "asha" else ()
    return {rung: trials / scheduler.reduction_factor**position for position, rung in enumerate([*rungs, epochs])}
