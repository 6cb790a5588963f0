"""The space of a search: ranges and choices, some of which count only beside certain values of others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import exp, log
from typing import Any

import numpy as np

GRID_POINTS = 3


@dataclass(frozen=True)
class Parameter:
    """One searched field.

    Attributes:
        name: of the field in the study.
        choices: its values; empty for a range.
        low, high: of a range, both inclusive.
        log: whether the range is sampled uniformly in the logarithm.
        integer: whether its values are whole numbers.
        points: how many values of the range a grid has.
        when: for each parent, the values beside which this parameter is read; empty if it is always read.
        step: between the values of a range that has only `low`, `low + step`, … `high`; None for any value.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False
    points: int = GRID_POINTS
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    # Ids of searches hold the representation of a space (`tune_jobs.study.search`).
    step: float | None = field(default=None, repr=False)

    @property
    def count(self) -> int:
        """How many values a range with a step has."""
        return 0 if self.step is None else round((self.high - self.low) / self.step) + 1

    def is_read(self, values: Mapping[str, Any]) -> bool:
        """Whether the parameter has an effect beside these values."""
        return all(parent in values and values[parent] in allowed for parent, allowed in self.when.items())

    def at(self, share: float) -> Any:
        """The value at this share of the range or of the choices, `share` in [0, 1)."""
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        if self.step is not None:
            return self._nth(int(share * self.count))
        if self.integer:
            # Half a step more at both ends makes the first and last values as likely as the others.
            low, high = self.low - 0.5, self.high + 0.5
            value = exp(log(low) + share * (log(high) - log(low))) if self.log else low + share * (high - low)
            return int(min(max(round(value), self.low), self.high))
        if self.log:
            value = exp(log(self.low) + share * (log(self.high) - log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        # Rounding may overshoot either end.
        return min(max(value, self.low), self.high)

    def share(self, value: Any) -> float:
        """Where a value lies in the range, from 0 to 1, or the position of a choice.

        Each value of a range with a step has an equal part of it, and lies in the middle of that.
        """
        if self.choices:
            return float(self.choices.index(value))
        if self.step is not None:
            return (self._index(value) + 0.5) / self.count
        if self.high == self.low:
            return 0.5
        if self.log:
            return (log(value) - log(self.low)) / (log(self.high) - log(self.low))
        return float((value - self.low) / (self.high - self.low))

    def holds(self, value: Any) -> bool:
        """Whether the value is in the range or among the choices."""
        if self.choices:
            return any(value == choice and type(value) is type(choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        if self.step is not None:
            return bool(value == self._nth(self._index(value)))
        return not self.integer or value == int(value)

    def nearest(self, value: float) -> Any:
        """The value of a range with a step that is nearest."""
        return self._nth(self._index(value))

    def _index(self, value: float) -> int:
        return min(max(round((value - self.low) / (self.step or 1)), 0), self.count - 1)

    def _nth(self, index: int) -> Any:
        # In decimals, as a person writes them: three steps of 0.1 are 0.3.
        value = Decimal(repr(self.low)) + index * Decimal(repr(self.step))
        return int(value) if self.integer else float(value)

    def grid(self) -> tuple[Any, ...]:
        """The values of a grid, without repeats."""
        if self.choices:
            return self.choices
        if self.step is not None:
            return tuple(map(self._nth, range(self.count)))
        if self.points == 1:
            return (self.at(0.5),)
        inner = Parameter(self.name, low=self.low, high=self.high, log=self.log)
        values = [inner.at(step / (self.points - 1)) for step in range(1, self.points - 1)]
        values = [self.low, *values, self.high]  # the exact ends: exp(log(low)) may differ
        return tuple(dict.fromkeys(round(value) if self.integer else value for value in values))


@dataclass(frozen=True)
class Space:
    """The searched fields, every parent before its children."""

    parameters: tuple[Parameter, ...]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def draw(self, generator: np.random.Generator) -> dict[str, Any]:
        """Draw values uniformly. Parameters that are not read are left out but use up their random number."""
        values: dict[str, Any] = {}
        for parameter, share in zip(self.parameters, generator.random(len(self.parameters)), strict=True):
            if parameter.is_read(values):
                values[parameter.name] = parameter.at(float(share))
        return values

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether values are a point of the space: all parameters that are read, in their ranges, and no others."""
        read = [parameter for parameter in self.parameters if parameter.is_read(values)]
        given = {parameter.name for parameter in read}
        return given == set(values) and all(parameter.holds(values[parameter.name]) for parameter in read)

    def grid(self) -> list[dict[str, Any]]:
        """Every point of the grid, once."""
        points: list[dict[str, Any]] = [{}]
        for parameter in self.parameters:
            values = parameter.grid()
            points = [
                longer
                for point in points
                for longer in (
                    [{**point, parameter.name: value} for value in values] if parameter.is_read(point) else [point]
                )
            ]
        return points

    def grid_size(self, most: int) -> int:
        """How many points the grid has; counting stops above `most`."""
        for count in range(1, len(self.parameters) + 1):
            size = len(Space(self.parameters[:count]).grid())
            if size > most:
                return size
        return size

    def root(self, name: str) -> str:
        """The unconditional parameter that a conditional parameter depends on in the end; itself if unconditional."""
        parameter = next(parameter for parameter in self.parameters if parameter.name == name)
        return self.root(next(iter(parameter.when))) if parameter.when else name

    def groups(self) -> dict[str, tuple[str, ...]]:
        """The parameters that change together: each root with the conditional parameters below it."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(self.root(name), []).append(name)
        return {root: tuple(names) for root, names in found.items()}


def stream(seed: int, *purpose: int) -> np.random.Generator:
    """A separate random generator for each purpose."""
    return np.random.default_rng(np.random.SeedSequence([seed, *purpose]))


def shuffled(points: Sequence[dict[str, Any]], generator: np.random.Generator) -> list[dict[str, Any]]:
    """The points in random order: ASHA would keep everything that arrives in ascending order."""
    return [points[position] for position in generator.permutation(len(points))]
