"""Whether a search ended at the edge of its space: ranges whose good values lie at an end, and wider ones to paste.

A range is *at an edge* where three things hold. Positions run from 0 to 1 on the range's scale (linear or logarithmic):

1. The best trial, or the median of the top fifth (at least five trials), lies within the outer 10%.
2. The top fifth lies nearer to that edge than the other trials do: a one-sided Mann-Whitney test at 5%, after Holm's
   correction over both edges of all ranges. For a parameter without effect, the best trial lies in the outer 10% at
   one of the edges in one search of five, and a sampler misled by this luck may crowd there; the test compares with
   where the other trials lie.
3. The response does not fall off towards the edge: among the trials in the outer third, Spearman's correlation of
   position and metric does not show a decline towards the edge (one-sided, 5%). Where there are too few trials to show
   a decline, the range is still reported: a range too wide costs trials, a range too narrow costs the optimum.

Trials that ended badly rank below all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from analysis.statistics.intervals import SIGNIFICANCE, holm
from analysis.text import p_text

Array = NDArray[np.float64]
LOW, HIGH = "low", "high"
FEWEST_TRIALS = 10
_OUTER = 0.1
_TOP, _FEWEST_TOP = 0.2, 5
_THIRD = 1 / 3
# A logarithmic range is widened by a factor, any other by half of its width.
_FACTOR, _INTEGER_FACTOR, _WIDER = 10.0, 2.0, 0.5
# Of a count of steps.
_ROUNDING = 1e-9
_NICE = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Parameter:
    """A parameter of the space.

    Attributes:
        name: of the field, and of its column.
        kind: "range" or "choice"; a choice has no edge.
        low: lower end of a range.
        high: its upper end.
        log: whether it is searched on a logarithmic scale.
        integer: whether its values are whole numbers.
        hard_low: the least value that the field allows; None where there is no bound.
        hard_high: the largest value that it allows.
        step: between the values of a range that has only some; None for any.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    integer: bool = False
    hard_low: float | None = None
    hard_high: float | None = None
    step: float | None = None

    def position(self, values: Array) -> Array:
        """Where values [n] lie in the range: 0 at its lower end, 1 at its upper end."""
        low, high, scaled = (np.log(x) if self.log else np.asarray(x) for x in (self.low, self.high, values))
        return np.asarray((scaled - low) / (high - low))


@dataclass(frozen=True)
class Edge:
    """A range whose good values lie at an end.

    Attributes:
        parameter: with its range.
        side: `LOW` or `HIGH`.
        best: the value of the best trial.
        top_median: the median value of the top fifth.
        top: how many trials are in the top fifth.
        adjusted_p: of the top fifth lying no nearer to the edge than the other trials, after Holm's correction.
        wider: the new end of the range; None where the edge is a bound of the field.
        yaml: the wider range, ready to paste; "" where there is none.
    """

    parameter: Parameter
    side: str
    best: float
    top_median: float
    top: int
    adjusted_p: float
    wider: float | None
    yaml: str

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        end = self.parameter.low if self.side == LOW else self.parameter.high
        found = (
            f"`{self.parameter.name}`: good values lie at the {self.side} end, {_number(end)} (best trial "
            f"{_number(self.best)}, median of the top {self.top} {_number(self.top_median)}; "
            f"{p_text(self.adjusted_p)})"
        )
        if self.wider is None:
            return f"{found}; the field allows no further value, and the range cannot be widened"
        return f"{found}; the best may lie beyond it: search {self.yaml}"


def edges(parameters: Sequence[Parameter], trials: pd.DataFrame, *, higher_is_better: bool) -> list[Edge]:
    """Find the ranges at an edge, in the order of the parameters; none where there are fewer than ten trials.

    Args:
        parameters: of the space.
        trials: a line for each finished trial, with a column for each parameter (NaN where a trial does not use it)
            and score, the metric, which is NaN for a trial that ended badly.
        higher_is_better: the metric's direction.

    Raises:
        ValueError: a range is empty, or logarithmic and not above zero, or its column is missing.
    """
    sign = 1.0 if higher_is_better else -1.0
    scores = np.asarray((sign * trials["score"].astype(float)).fillna(-inf), dtype=np.float64)
    candidates = [
        _Candidate(parameter, side, values[used], scores[used])
        for parameter in parameters
        if parameter.kind == "range"
        for values in (_column(parameter, trials),)
        for used in (~np.isnan(values),)
        for side in (LOW, HIGH)
        if used.sum() >= FEWEST_TRIALS
    ]
    adjusted = holm([candidate.nearer_p() for candidate in candidates])
    return [
        candidate.edge(float(p_value))
        for candidate, p_value in zip(candidates, adjusted, strict=True)
        if p_value <= SIGNIFICANCE and candidate.is_outside() and not candidate.falls_off()
    ]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One end of a range, with values [n] and scores [n], higher is better."""

    parameter: Parameter
    side: str
    values: Array
    scores: Array

    @property
    def distance(self) -> Array:
        """How far from the edge each trial lies, 0 to 1."""
        position = self.parameter.position(self.values)
        return position if self.side == LOW else 1 - position

    @property
    def top(self) -> NDArray[np.int64]:
        """The indices of the best trials, the best first."""
        count = max(_FEWEST_TOP, ceil(_TOP * len(self.scores)))
        return np.argsort(-self.scores, kind="stable")[:count]

    def is_outside(self) -> bool:
        """Whether the best trial, or the median of the top, lies in the outer 10%."""
        distance = self.distance[self.top]
        return bool(min(distance[0], np.median(distance)) <= _OUTER)

    def nearer_p(self) -> float:
        """The p value of the top trials lying nearer to the edge than the others."""
        others = np.setdiff1d(np.arange(len(self.scores)), self.top)
        distance = self.distance
        return float(scipy.stats.mannwhitneyu(distance[self.top], distance[others], alternative="less").pvalue)

    def falls_off(self) -> bool:
        """Whether the metric is shown to decline towards the edge."""
        distance = self.distance
        near = distance <= _THIRD
        distance, scores = distance[near], self.scores[near]
        if len(scores) < 3 or np.all(distance == distance[0]) or np.all(scores == scores[0]):
            return False
        return bool(scipy.stats.spearmanr(distance, scores, alternative="greater").pvalue <= SIGNIFICANCE)

    def edge(self, adjusted_p: float) -> Edge:
        wider = _wider(self.parameter, self.side)
        top = self.values[self.top]
        return Edge(
            parameter=self.parameter,
            side=self.side,
            best=float(top[0]),
            top_median=float(np.median(top)),
            top=len(top),
            adjusted_p=adjusted_p,
            wider=wider,
            yaml="" if wider is None else _yaml(self.parameter, self.side, wider),
        )


def _column(parameter: Parameter, trials: pd.DataFrame) -> Array:
    if not parameter.low < parameter.high or (parameter.log and parameter.low <= 0):
        rule = "above 0 and " if parameter.log else ""
        raise ValueError(
            f"{parameter.name}: {parameter.low} to {parameter.high} is no range; give a low {rule}below the high"
        )
    if parameter.name not in trials:
        raise ValueError(f"trials: there is no column {parameter.name}; give one for each parameter")
    return np.asarray(trials[parameter.name], dtype=np.float64)


def _wider(parameter: Parameter, side: str) -> float | None:
    """The new end of a range, at most the bound of the field; None where the range ends there already."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        factor = _INTEGER_FACTOR if parameter.integer else _FACTOR
        end = low / factor if side == LOW else high * factor
    else:
        step = _nice(_WIDER * (high - low))
        end = low - step if side == LOW else high + step
    if parameter.step is not None:
        return _whole_steps(parameter, side, end)
    if parameter.integer:
        end = float(floor(end) if side == LOW else ceil(end))
    if side == LOW:
        least = 1.0 if parameter.integer and parameter.log else -inf
        end = max(end, least, -inf if parameter.hard_low is None else parameter.hard_low)
        return end if end < low else None
    end = min(end, inf if parameter.hard_high is None else parameter.hard_high)
    return end if end > high else None


def _whole_steps(parameter: Parameter, side: str, end: float) -> float | None:
    """The new end of a range with a step, at least as far as `end` unless the field is bounded before."""
    step, origin = parameter.step or 1.0, parameter.low if side == LOW else parameter.high
    bound = parameter.hard_low if side == LOW else parameter.hard_high
    steps = ceil(abs(end - origin) / step - _ROUNDING)
    if bound is not None:
        steps = min(steps, floor(abs(bound - origin) / step + _ROUNDING))
    return None if steps < 1 else origin + (-steps if side == LOW else steps) * step


def _nice(step: float) -> float:
    """Round a step up to 1, 2, 5, 10, …, which keeps the ends of ranges round."""
    power = 10.0 ** floor(log10(step))
    return power * next(nice for nice in _NICE if step <= nice * power * (1 + 1e-9))


def _yaml(parameter: Parameter, side: str, wider: float) -> str:
    low, high = (wider, parameter.high) if side == LOW else (parameter.low, wider)
    more = ", scale: log" if parameter.log else "" if parameter.step is None else f", step: {_number(parameter.step)}"
    return f"{parameter.name}: {{low: {_number(low)}, high: {_number(high)}{more}}}"


def _number(value: float) -> str:
    """Write a number that YAML reads back: with an exponent, a float needs a decimal point."""
    text = f"{value:.6g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
