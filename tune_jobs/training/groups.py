"""Divides the trials of a run into groups: one trial each where they are long, many where they are short.

Otherwise Ray Tune would spend more on a worker's turn than a short trial takes. Trials that train in stacks
are grouped by their shape.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from tune_jobs.training.job import Members, from_payload, payload
from tune_jobs.trial.cost import epoch_weight
from tune_jobs.trial.trial import Trial

# Of work, for a group.
_AIM_SECONDS = 1.5
# What Tune spends on a worker's turn, with a margin; so many workers must not need it at once.
_TURN_SECONDS = 0.03
# At the end of a run groups shrink, so that all workers end together, but not below this.
_LEAST_SECONDS = 0.1
# A group takes at most this share of a worker's part of what is left.
_SHARE_OF_REST = 1 / 3
_MOST_TRIALS = 1024
# Fewer members of a stack take as long as this many.
LEAST_IN_STACK = 4
# The pace is that of the last trials that ended: neighbours in the order, so of similar size.
_TRIALS_OF_PACE = 64


class Groups:
    """Gives out the trials of a run, the longest first, as payloads of groups.

    Each group is drawn when a worker will soon be free, from what finished trials have taken.

    Args:
        trials: with different keys, in the order to start them.
        workers: how many train at once.
        shape_of: what the members of a stack have in common; None for a trial that trains singly.
        width: members of a stack at once.

    Attributes:
        closed: whether all were given out; some may have been taken back since.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        workers: int,
        shape_of: Callable[[Trial], Hashable | None] = lambda trial: None,
        width: int = 1,
    ) -> None:
        self._shapes = {trial.key: shape_of(trial) for trial in trials}
        self._waiting = deque(self._side_by_side(trials))
        self._workers = workers
        self._width = width
        self._stacks = Counter(shape for shape in self._shapes.values() if shape is not None)
        self._portions: dict[Hashable, int] = {}
        self._weights = {trial.key: trial.epochs * epoch_weight(trial.config) for trial in trials}
        self._rest = sum(self._weights.values())
        self._timed: deque[tuple[float, float]] = deque(maxlen=_TRIALS_OF_PACE)
        self._losses: Counter[str] = Counter()
        self._drawn = 0
        self.closed = False

    def __len__(self) -> int:
        """How many trials wait."""
        return len(self._waiting)

    def __iter__(self) -> "Groups":
        self.closed = False
        return self

    def __next__(self) -> Mapping[str, Any]:
        if not self._waiting:
            self.closed = True
            raise StopIteration
        most = self._most_weight()
        members = [self._waiting.popleft()]
        portion = self._portion(members[0])
        weight = self._weights[members[0].key]
        while self._joins(members, weight, most, portion):
            members.append(self._waiting.popleft())
            weight += self._weights[members[-1].key]
        self._rest -= weight
        self._drawn += 1
        shape = self._shapes[members[0].key]
        if shape is not None:
            self._stacks[shape] -= len(members)
        # Tune names a folder by the key.
        return {
            "key": f"{members[0].key}-{self._drawn}",
            "trials": Members(tuple(map(payload, members))),
            "again": bool(self._losses[members[0].key]),
        }

    def ended(self, key: str, seconds: float) -> None:
        """Note how long a trial has taken."""
        self._timed.append((self._weights[key], seconds))

    def take_back(self, members: Sequence[Mapping[str, Any]]) -> None:
        """Take back the trials of a group that lost its worker: they are given out next.

        The worker asks the ledger first which of them are written. What comes back twice is given out alone: one of
        these trials may be what ends workers.

        Args:
            members: payloads of trials.
        """
        for values in reversed(members):
            trial = from_payload(values)
            self._losses[trial.key] += 1
            self._rest += self._weights[trial.key]
            self._waiting.appendleft(trial)
            shape = self._shapes[trial.key]
            if shape is not None:
                self._stacks[shape] += 1

    def _most_weight(self) -> float:
        """The weight of the next group, unless its first trial alone is heavier."""
        weights, seconds = (sum(values) for values in zip(*self._timed, strict=True)) if self._timed else (0.0, 0.0)
        if not weights or not seconds:
            return 0.0
        per_second = weights / seconds
        share = max(self._rest * _SHARE_OF_REST / self._workers, _LEAST_SECONDS * per_second)
        return min(max(_AIM_SECONDS, self._workers * _TURN_SECONDS) * per_second, share)

    def _side_by_side(self, trials: Sequence[Trial]) -> Iterable[Trial]:
        """Move the trials of a shape to the first of them."""
        by_shape: dict[Hashable, list[Trial]] = {}
        for trial in trials:
            shape = self._shapes[trial.key]
            by_shape.setdefault(trial.key if shape is None else shape, []).append(trial)
        return (trial for together in by_shape.values() for trial in together)

    def _portion(self, first: Trial) -> int:
        """How many trials of a stack's shape a group takes at least; 1 for a trial that trains singly.

        While there are stacks of other shapes for the other workers, it takes a whole stack; else they share.
        """
        shape = self._shapes[first.key]
        if shape is None:
            return 1
        if shape not in self._portions:
            trials = self._stacks[shape]
            workers = self._workers if sum(left > 0 for left in self._stacks.values()) < self._workers else 1
            stacks = workers * math.ceil(trials / (workers * self._width))
            self._portions[shape] = max(math.ceil(trials / stacks), min(trials, self._width, LEAST_IN_STACK))
        return self._portions[shape]

    def _joins(self, members: Sequence[Trial], weight: float, most: float, portion: int) -> bool:
        """Whether the next trial joins a group."""
        if not self._waiting or len(members) == _MOST_TRIALS:
            return False
        if self._shapes[members[0].key] != self._shapes[self._waiting[0].key]:
            return False
        losses = self._losses[members[0].key]
        if losses > 1 or losses != self._losses[self._waiting[0].key]:
            return False
        return len(members) < portion or weight + self._weights[self._waiting[0].key] <= most
