"""What more trials would bring: the best of n random trials, with the band of what these trials leave open."""

from math import isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.figures.tuning_curve import tuning_curve_figure
from analysis.frames.search_frames import Goal
from analysis.report.section import Picture, Section
from analysis.statistics.tuning_curve import TuningCurve, chance_of_better, expected_best, tuning_curve
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number
from tune_jobs.standing.search.state import State
from tune_jobs.study.samplers import STARTUP_TRIALS
from tune_jobs.words import counted

_LEAST = 5
# Of a curve: the mean of the best costs time for each number of trials, and they are more than a figure has pixels.
_POINTS = 400
_OPEN = "open"


def more_trials_section(state: State, goal: Goal, frame: pd.DataFrame) -> Section | None:
    """The best of a search as a function of its trials; None with too few random ones."""
    drawn = frame[(frame["number"] >= 0) & (frame["fate"] != "")].sort_values("number")
    places = zip(drawn["number"], drawn["source"], strict=True)
    random = drawn[[_is_random(state, int(number), str(source)) for number, source in places]]
    if len(random) < _LEAST:
        return None
    scores = _scores(random, goal)
    figure = tuning_curve_figure(
        tuning_curve(scores, _drawn(2 * len(scores))),
        goal.sign * pd.Series(_scores(drawn, goal)).cummax(),
        metric=goal.label,
        unit=goal.unit,
        higher_is_better=goal.higher_is_better,
    )
    sheet = _sheet(tuning_curve(scores, _shown(len(scores))), float(random["epochs"].mean()), goal)
    picture = Picture("search-budget", figure, _caption(goal))
    words = _words(scores, len(drawn) - len(random), state, goal)
    return Section("search-more", "What more trials would bring", words, sheets=[sheet], pictures=[picture])


def _is_random(state: State, number: int, source: str) -> bool:
    """Whether no earlier trial had a say in this point: a model draws its first points at random."""
    return source in ("random", "grid") or (source == "tpe" and number < STARTUP_TRIALS - len(state.evidence))


def _scores(frame: pd.DataFrame, goal: Goal) -> np.ndarray:
    """What each trial offers the search: its value at full length, or where it was stopped; higher is better."""
    values = frame["final"].astype(float).fillna(frame["value"].astype(float)).mask(frame["diverged"].astype(bool))
    return (goal.sign * values).fillna(-np.inf).to_numpy(dtype=float)


def _drawn(count: int) -> NDArray[np.int64]:
    """The numbers of trials at which the curve is drawn: each, or so many that a line through them looks the same."""
    spaced = np.geomspace(1, count, min(count, _POINTS)).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(1, min(count, _POINTS) + 1), spaced]))


def _shown(count: int) -> list[int]:
    return sorted({*(2**power for power in range(count.bit_length()) if 2**power < count), count, 2 * count})


def _sheet(curve: TuningCurve, epochs: float, goal: Goal) -> Sheet:
    unit = f" ({goal.unit})" if goal.unit else ""
    ends = (curve.low, curve.high) if goal.higher_is_better else (curve.high, curve.low)
    bands = [f"{_number(low, goal)} to {_number(high, goal)}" for low, high in zip(*ends, strict=True)]
    return Sheet(
        "search-budget",
        "The best of so many random trials",
        (
            Column("Trials", tuple(str(n) for n in curve.trials)),
            Column("About epochs", tuple(format_number(n * epochs, 0) for n in curve.trials)),
            Column(f"Expected best{unit}", tuple(_number(value, goal, NO_VALUE) for value in curve.expected)),
            Column(f"Median best{unit}", tuple(_number(value, goal) for value in curve.median)),
            Column("95% band of the median", tuple(bands)),
        ),
        (
            "The band holds for all numbers of trials together and for any distribution of the results (Lourie et al., "
            "2024); “open”: these trials set no limit. The expected best is the mean over all subsets of the trials "
            "(Dodge et al., 2019; Tang et al., 2020). Epochs at the mean of these trials, stopped ones included.",
        ),
    )


def _number(value: float, goal: Goal, otherwise: str = _OPEN) -> str:
    return format_number(goal.sign * value, goal.decimals(value)) if isfinite(value) else otherwise


def _words(scores: np.ndarray, adaptive: int, state: State, goal: Goal) -> list[str]:
    count, few = len(scores), max(1, len(scores) // 4)
    gain = expected_best(scores, count) - expected_best(scores, max(1, count // 2))
    last = (
        f" From {count // 2} to {count}, the expected best rose by "
        f"{format_number(gain, goal.decimals(gain))} {goal.difference_unit}".rstrip()
        + "."
        if isfinite(gain)
        else ""
    )
    words = [
        f"{counted(count, 'trial')} of the search were drawn at random. {counted(count, 'further random trial')} would "
        f"beat the best of them with a chance of {chance_of_better(count, count):.0%}, "
        f"{counted(few, 'further one')} with {chance_of_better(count, few):.0%}, whatever the distribution.{last}"
    ]
    if adaptive:
        others = f"The other {counted(adaptive, 'trial')}" if adaptive > 1 else "The other trial"
        words.append(
            f"{others} of the search (the default, or points that the sampler chose from earlier results) are no "
            "random sample: table and curve say what random trials bring, and one search cannot say how much a sampler "
            "that learns varies."
        )
    if state.stopped:
        words.append(
            "A trial that a rung stopped counts with what it had reached there. The rungs compare trials with each "
            "other, so that the trials of one search are independent only as far as a stopped one would not have been "
            "the best; the audit says how likely that is."
        )
    words.append("All values are those of the search, with the luck of a single run in them; fresh seeds show less.")
    return words


def _caption(goal: Goal) -> str:
    return (
        f"Validation {goal.words} of the best of so many random trials: half of all searches reach the blue line, and "
        "the band holds for the whole line. It ends at the edge where these trials set no limit. Black: the best of "
        "this search, in the order of drawing."
    )
