"""Table and figure of a race of `search_race.py`: the best accuracy so far over time."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray
from race_problem import EPOCHS, Stamp

from analysis.figures.style import PALETTE
from analysis.statistics.intervals import Estimate, estimate

SHARES = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Outcome:
    """A contender in a repetition.

    Attributes:
        stamps: its finished epochs up to the limit, in order of time.
        seconds: the limit.
    """

    stamps: Sequence[Stamp]
    seconds: float

    def best(self, seconds: float) -> float:
        """Best accuracy (%) up to a time; 0 before the first epoch."""
        return max((stamp.accuracy for stamp in self.stamps if stamp.seconds <= seconds), default=0.0)

    def reached(self, accuracy: float) -> float | None:
        """When an accuracy was first reached, in seconds; None if never."""
        return next((stamp.seconds for stamp in self.stamps if stamp.accuracy >= accuracy), None)

    @property
    def trials(self) -> int:
        """How many trials finished an epoch."""
        return len({stamp.trial for stamp in self.stamps})

    @property
    def whole_trials(self) -> int:
        """How many trials finished their last epoch."""
        return sum(stamp.epoch == EPOCHS for stamp in self.stamps)


def outcome(stamps: Sequence[Stamp], seconds: float) -> Outcome:
    """The outcome of a contender's stamps at a time limit."""
    return Outcome([stamp for stamp in stamps if stamp.seconds <= seconds], seconds)


@dataclass(frozen=True)
class Overtaking:
    """When a contender reached the final accuracy of another, in a repetition.

    Attributes:
        seconds: None if it did not within the limit.
        of_limit: as a share of the limit.
        of_theirs: as a share of the time that the other took to reach it.
    """

    seconds: float | None
    of_limit: float | None
    of_theirs: float | None


def overtaking(ours: Outcome, theirs: Outcome) -> Overtaking:
    """When ours reached the best accuracy that theirs had at the limit.

    Raises:
        ValueError: theirs finished no epoch.
    """
    final = theirs.best(theirs.seconds)
    seconds, their_seconds = ours.reached(final), theirs.reached(final)
    if their_seconds is None:
        raise ValueError("theirs: finished no epoch, so there is nothing to reach; leave the pair out")
    if seconds is None:
        return Overtaking(None, None, None)
    return Overtaking(seconds, seconds / theirs.seconds, seconds / their_seconds)


def result_lines(outcomes: Mapping[str, Sequence[Outcome]], labels: Mapping[str, str]) -> list[str]:
    """Table of the best accuracy at shares of the time, epochs and trials; a line for each contender."""
    width = max(len(labels[name]) for name in outcomes)
    heads = [f"at {share:.0%} of the time" for share in SHARES]
    counts = ["first epoch (s)", "epochs", "trials", f"of {EPOCHS} epochs"]
    lines = [
        "best validation accuracy so far (%), mean ± half-width of the 95% interval over repetitions; then means",
        " | ".join([" " * width, *(f"{head:>20s}" for head in heads), *counts]),
    ]
    for name, runs in outcomes.items():
        cells = [f"{_interval([run.best(share * run.seconds) for run in runs]):>20s}" for share in SHARES]
        means = (
            _mean([run.stamps[0].seconds for run in runs if run.stamps]),
            _mean([float(len(run.stamps)) for run in runs]),
            _mean([float(run.trials) for run in runs]),
            _mean([float(run.whole_trials) for run in runs]),
        )
        cells += [f"{mean:>{len(head)}s}" for head, mean in zip(counts, means, strict=True)]
        lines.append(" | ".join([f"{labels[name]:{width}s}", *cells]))
    return lines


def overtaking_lines(
    outcomes: Mapping[str, Sequence[Outcome]], labels: Mapping[str, str], ours: str = "ours"
) -> list[str]:
    """When ours reached the final accuracy of each other contender: in each repetition, and the median.

    Repetitions in which the other finished no epoch are left out.
    """
    lines = []
    for name, runs in outcomes.items():
        if name == ours:
            continue
        pairs = [(mine, theirs) for mine, theirs in zip(outcomes[ours], runs, strict=True) if theirs.stamps]
        found = [overtaking(mine, theirs) for mine, theirs in pairs]
        lines += [
            f"{labels[ours]} reached the final accuracy of {labels[name]}, repetition by repetition:",
            "  after " + ", ".join("never" if one.seconds is None else f"{one.seconds:.1f} s" for one in found),
            "  " + _shares([one.of_limit for one in found], "of the time limit"),
            "  " + _shares([one.of_theirs for one in found], f"of the time that {labels[name]} took"),
        ]
    return lines


def draw_race(ax: Axes, outcomes: Mapping[str, Sequence[Outcome]], labels: Mapping[str, str]) -> Axes:
    """Draw the best accuracy so far (%) against seconds: median over repetitions, with the range as a band."""
    limit = max(run.seconds for runs in outcomes.values() for run in runs)
    seconds = np.linspace(0, limit, 721)
    starts = []
    for name, runs in outcomes.items():
        curves = _curves(runs, seconds)
        median = np.median(curves, axis=0)
        colour = PALETTE[list(labels).index(name) % len(PALETTE)]
        ax.step(seconds, median, where="post", color=colour, linewidth=1.6, label=labels[name])
        ax.fill_between(seconds, curves.min(axis=0), curves.max(axis=0), step="post", color=colour, alpha=0.15, lw=0)
        starts += [start for start in (median[np.searchsorted(seconds, SHARES[0] * limit)], median[-1]) if start > 0][
            :1
        ]
    top = max(run.best(run.seconds) for runs in outcomes.values() for run in runs)
    floor = min(starts, default=0.0)
    room = max(top - floor, 1.0)
    ax.set_ylim(max(0.0, floor - 0.6 * room), min(100.0, top + 0.15 * room))
    ax.set_xlim(0, limit)
    ax.set_xlabel("Wall time since the start of the process (s)")
    ax.set_ylabel("Best validation accuracy so far (%)")
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:.1f}"))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower right", framealpha=0.9, edgecolor="none", fontsize="small")
    return ax


def race_figure(outcomes: Mapping[str, Sequence[Outcome]], labels: Mapping[str, str], title: str) -> Figure:
    """The figure of a race."""
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    ax = draw_race(figure.subplots(), outcomes, labels)
    ax.set_title(title, fontsize="small")
    return figure


def _curves(runs: Sequence[Outcome], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best accuracy so far (%), [repetitions, seconds]; 0 before the first epoch."""
    curves = np.zeros((len(runs), len(seconds)))
    for row, run in enumerate(runs):
        if run.stamps:
            times = np.array([stamp.seconds for stamp in run.stamps])
            best = np.maximum.accumulate([0.0, *(stamp.accuracy for stamp in run.stamps)])
            curves[row] = best[np.searchsorted(times, seconds, side="right")]
    return curves


def _interval(values: Sequence[float]) -> str:
    found: Estimate = estimate(values)
    return f"{found.mean:.2f}" + ("" if found.half_width is None else f" ± {found.half_width:.2f}")


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f}" if values else "none"


def _shares(shares: Sequence[float | None], what: str) -> str:
    """Shares and their median, in which "never" counts as infinite."""
    median = statistics.median([float("inf") if share is None else share for share in shares])
    each = ", ".join("never" if share is None else f"{share:.0%}" for share in shares)
    return f"{each} {what}; median " + ("never" if median == float("inf") else f"{median:.0%}")
