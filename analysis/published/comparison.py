"""Printed numbers against ours: does a printed number lie where one more run, on another split, would put it?

A single printed number is compared with n replicates. The 95% interval of our mean is too narrow for that, since a
single run varies too: the yardstick is the prediction interval of one new run.

Agreement says little where that interval is too wide: where it contains at least half of the other numbers that the
column prints, not counting those equal to this one. With fewer than two others (a final configuration), it is too wide
with a half-width above half of the printed number. For an accuracy it is too wide above half of the printed error rate
(but never below half a point), and always above 3 points.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.published.our_values import OurValues, our_values
from analysis.published.published import Convention, Published, PublishedValue
from analysis.statistics.intervals import Estimate, estimate, no_normal_interval
from analysis.statistics.prediction import binomial_variance, prediction_half_width
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row
from tune_jobs.words import counted

AGREES, DIFFERS, NOT_COMPARABLE = "agrees", "differs", "not comparable"
NO_SPREAD = "all replicates are equal"
NO_CONVENTION = "the loss follows an unknown convention"
TOO_WIDE = "the interval is too wide to say much"
# Half-widths of an accuracy, in points: up to the first the interval of a lone number is never too wide, above the
# second it always is.
_NARROW, _WIDE = 0.5, 3.0


@dataclass(frozen=True)
class ComparedValue:
    """A printed number beside ours.

    Attributes:
        published: the number, with its place, its quantity and why ours may differ.
        estimate: our mean with its 95% Student-t interval, in the report's convention; None where there is none.
        difference: ours minus the published number.
        half_width: of the 95% prediction interval of one new run around our mean.
        verdict: `AGREES`, `DIFFERS` or `NOT_COMPARABLE`.
        reason: why it cannot be compared, from a short list that can be counted.
        detail: the reason in more words.
        too_wide: whether it agrees only because the interval is too wide to say much.
        unit: of the quantity: "%", "s", that of the target, or "" for a loss.
        repeats: whether an earlier line compares the same number with the same trials.
        shift: added to our values, to write the loss as the report does.
        scatter: why no interval describes our values, in words; "" where one does.
    """

    published: PublishedValue
    estimate: Estimate | None
    difference: float | None
    half_width: float | None
    verdict: str
    reason: str = ""
    detail: str = ""
    too_wide: bool = False
    unit: str = ""
    repeats: bool = False
    shift: float = 0.0
    scatter: str = ""

    @property
    def note(self) -> str:
        """What a reader must know about the verdict."""
        words = self.detail or self.reason or (TOO_WIDE if self.too_wide else "")
        return "; ".join(text for text in (words, self.scatter, self.published.because) if text)


@dataclass(frozen=True)
class ConventionFit:
    """How well the losses fit a convention: `agrees` of `compared` lie in their intervals.

    `mean_difference` is the mean absolute difference.
    """

    name: str
    shift: float
    because: str
    agrees: int
    compared: int
    mean_difference: float


@dataclass(frozen=True)
class Comparison:
    """A study compared with its report.

    Attributes:
        lines: one for each published value, in order.
        conventions: how well each fits, the best first; empty where the report's losses leave no doubt, or none ran.
        convention: used for the verdicts; "" where half of the losses agree in none.
    """

    lines: tuple[ComparedValue, ...]
    conventions: tuple[ConventionFit, ...] = ()
    convention: str = ""

    @property
    def convention_words(self) -> str:
        """The convention in which the losses were compared, in a sentence; empty where there was no choice."""
        if not self.conventions:
            return ""
        tried = len(self.conventions)
        if not self.convention:
            best = self.conventions[0]
            return (
                f"The losses cannot be compared: {counted(tried, 'convention')} tried, and in the best ({best.name}) "
                f"only {best.agrees} of {best.compared} agree."
            )
        best = next(fit for fit in self.conventions if fit.name == self.convention)
        return (
            f"The losses are compared in the convention that fits best of {tried} ({best.name}: {best.agrees} of "
            f"{best.compared} agree), which was chosen on these same numbers."
        )


@dataclass(frozen=True)
class Counts:
    """How many printed numbers agree, and why others were not compared.

    Attributes:
        too_wide: how many of those that agree do so in an interval that is too wide to say much.
        not_comparable: by reason.
        repeats: how many lines show the same number and trials as an earlier one.
    """

    agrees: int = 0
    too_wide: int = 0
    differs: int = 0
    not_comparable: Mapping[str, int] | None = None
    repeats: int = 0

    @property
    def total(self) -> int:
        """How many numbers were printed."""
        return self.agrees + self.differs + sum((self.not_comparable or {}).values())


def compare(
    published: Published, *, study: Study, rows: Sequence[Row], trials: pd.DataFrame, tests: pd.DataFrame
) -> Comparison:
    """Compare each published value with ours.

    Args:
        published: of `analysis.published.published.load_published`.
        study: that the rows belong to.
        rows: all rows of the study that are known so far.
        trials: of `analysis.frames.frames.trials_frame`.
        tests: a line for each evaluation on the test set: table, level, seed, test_metric, test_loss; may be empty.
    """
    by_place = {(row.table, ", ".join(row.labels)): row for row in rows}
    ours = [our_values(value, study, by_place, trials, tests) for value in published.values]
    columns: dict[tuple[str, str], list[PublishedValue]] = {}
    for value in published.values:
        columns.setdefault((value.table, value.quantity), []).append(value)
    in_question = [bool(found.objective) and found.objective == published.objective for found in ours]

    def shifted(shift: float) -> list[ComparedValue]:
        return [
            _line(found, shift if asked else 0.0, columns[found.value.table, found.value.quantity])
            for found, asked in zip(ours, in_question, strict=True)
        ]

    fits = []
    for convention in published.conventions:
        asked_lines = [line for line, asked in zip(shifted(convention.shift), in_question, strict=True) if asked]
        compared = [line for line in asked_lines if line.difference is not None and line.verdict != NOT_COMPARABLE]
        if compared:
            fits.append(_fit(convention, compared))
    fits.sort(key=lambda fit: (-fit.agrees, fit.mean_difference))
    if not fits:
        return Comparison(_with_repeats(shifted(0.0), ours))
    best = fits[0]
    if 2 * best.agrees >= best.compared:
        return Comparison(_with_repeats(shifted(best.shift), ours), tuple(fits), best.name)
    lines = [
        replace(line, verdict=NOT_COMPARABLE, reason=NO_CONVENTION, too_wide=False)
        if asked and line.verdict != NOT_COMPARABLE
        else line
        for line, asked in zip(shifted(0.0), in_question, strict=True)
    ]
    return Comparison(_with_repeats(lines, ours), tuple(fits))


def _fit(convention: Convention, compared: Sequence[ComparedValue]) -> ConventionFit:
    return ConventionFit(
        convention.name,
        convention.shift,
        convention.because,
        agrees=sum(line.verdict == AGREES for line in compared),
        compared=len(compared),
        mean_difference=float(np.mean([abs(line.difference or 0.0) for line in compared])),
    )


def count(lines: Sequence[ComparedValue]) -> Counts:
    """Count the lines with each verdict; for several studies, join their lines first."""
    verdicts = Counter(line.verdict for line in lines)
    return Counts(
        agrees=verdicts[AGREES],
        too_wide=sum(line.too_wide for line in lines),
        differs=verdicts[DIFFERS],
        not_comparable=dict(Counter(line.reason for line in lines if line.verdict == NOT_COMPARABLE).most_common()),
        repeats=sum(line.repeats for line in lines),
    )


def _line(found: OurValues, shift: float, column: Sequence[PublishedValue]) -> ComparedValue:
    printed = found.value
    empty = ComparedValue(
        printed, None, None, None, NOT_COMPARABLE, found.reason, found.detail, unit=found.unit, shift=shift
    )
    if not found.values:
        return empty
    values = np.asarray(found.values) + shift
    ours = estimate(values, overlap=found.training_overlap)
    scatter = no_normal_interval(values, collapsed=found.collapsed) if found.unit == "%" else ""
    shown = replace(empty, estimate=ours, difference=ours.mean - printed.value, scatter=scatter)
    if found.reason:
        return shown
    binomial = binomial_variance(ours.mean, found.rows, overlap=found.overlap) if found.rows else 0.0
    half_width = prediction_half_width(values, noise=found.noise, binomial=binomial)
    reach = half_width + printed.tolerance * (1 + 1e-9)
    agrees = abs(ours.mean - printed.value) <= reach
    if half_width == 0 and not agrees:
        return replace(shown, reason=NO_SPREAD, detail=f"{NO_SPREAD}: no spread to judge by")
    others = [other.value for other in column if other.value != printed.value]
    inside = sum(abs(ours.mean - other) <= reach for other in others)
    wide = 2 * inside >= len(others) if len(others) >= 2 else half_width > _widest(printed.value, found.unit)
    return replace(shown, half_width=half_width, verdict=AGREES if agrees else DIFFERS, too_wide=agrees and wide)


def _widest(printed: float, unit: str) -> float:
    """The half-width above which an interval says little about a number that stands alone."""
    return min(max((100 - printed) / 2, _NARROW), _WIDE) if unit == "%" else abs(printed) / 2


def _with_repeats(lines: Sequence[ComparedValue], ours: Sequence[OurValues]) -> tuple[ComparedValue, ...]:
    seen: set[Any] = set()
    marked = []
    for line, found in zip(lines, ours, strict=True):
        same = (found.keys, found.value.quantity, found.value.value)
        marked.append(replace(line, repeats=bool(found.keys) and same in seen))
        seen.add(same)
    return tuple(marked)
