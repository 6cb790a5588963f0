"""Published numbers against ours: does a printed number lie where one more run, on another split, would put it?

What is compared is one printed number with n replicates. The 95% interval of our mean is too narrow for that, since
one run varies by itself: the yardstick is the prediction interval of one new run.

An agreement says little where the interval is too wide. It is where the interval takes in at least half of the other
numbers that the column prints, those equal to the row's own left out. Where there are fewer than two of them (a final
configuration), it is too wide with a half-width above half of the printed number; of an accuracy, above half of the
printed error rate, but not below half a point, and always above 3 points.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER
from analysis.published.published import TESTED, Published, PublishedValue
from analysis.statistics.intervals import Estimate, estimate, no_normal_interval
from analysis.statistics.prediction import (
    MOVING_SPLIT,
    OTHER_SPLIT,
    SAME_ROWS,
    binomial_variance,
    prediction_half_width,
)
from tune_jobs.ledger.record import MISSING
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import METRIC_SPECS, TrialConfig
from tune_jobs.trial.data import validation_rows

AGREES, DIFFERS, NOT_COMPARABLE = "agrees", "differs", "not comparable"
OTHER_HARDWARE = "other hardware"
NOT_RUN = "not run yet"
NOT_TESTED = "not evaluated on the test set yet"
ONE_REPLICATE = "one replicate has no interval"
QUICK_LOOK = "read before its last epoch"
VARIED = "the base is varied"
ONE_SPLIT = "all replicates share one split"
NO_SPREAD = "all replicates are equal"
NO_CONVENTION = "the loss is written in a way that is not known"
NOT_FINITE = "not finite"
TOO_WIDE = "the interval is too wide to say much"
# Half-widths of an accuracy, in points, up to which the interval of a lone number is never too wide, and above which
# it always is.
_NARROW, _WIDE = 0.5, 3.0


@dataclass(frozen=True)
class ComparedValue:
    """A printed number beside ours.

    Attributes:
        published: with the place, the quantity and why ours may differ.
        estimate: our mean with its 95% Student-t interval, in the convention of the report; None where there is none.
        difference: ours minus the published.
        half_width: of the 95% prediction interval of one new run around our mean.
        verdict: `AGREES`, `DIFFERS` or `NOT_COMPARABLE`.
        reason: why it cannot be compared: one of few, to be counted.
        detail: the reason in more words.
        too_wide: whether it agrees with an interval that is too wide to say much.
        unit: of the quantity: "%", "s", that of the target, or "" for a loss.
        repeats: whether an earlier line compares the same number with the same trials.
        shift: what was added to our values, to write the loss as the report does.
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
        """What a reader must know of the verdict, in words."""
        words = self.detail or self.reason or (TOO_WIDE if self.too_wide else "")
        return "; ".join(text for text in (words, self.scatter, self.published.because) if text)


@dataclass(frozen=True)
class ConventionFit:
    """How losses fit in one convention: `agrees` of `compared` lie in their intervals.

    `mean_difference` is that of the absolute values.
    """

    name: str
    shift: float
    because: str
    agrees: int
    compared: int
    mean_difference: float


@dataclass(frozen=True)
class Comparison:
    """A study beside its report.

    Attributes:
        lines: one for each published value, in order.
        conventions: how well each fits, the best first; empty where the report's losses need none, or none is there.
        convention: that of the verdicts; "" where none lets half of the losses agree.
    """

    lines: tuple[ComparedValue, ...]
    conventions: tuple[ConventionFit, ...] = ()
    convention: str = ""

    @property
    def convention_words(self) -> str:
        """How the losses were compared, in a sentence; empty where there was no choice."""
        if not self.conventions:
            return ""
        tried = len(self.conventions)
        if not self.convention:
            best = self.conventions[0]
            return (
                f"The losses cannot be compared: of {tried} ways to write them, the best ({best.name}) lets "
                f"{best.agrees} of {best.compared} agree."
            )
        best = next(fit for fit in self.conventions if fit.name == self.convention)
        return (
            f"The losses are compared in the way to write them that fits best of {tried} ({best.name}: {best.agrees} "
            f"of {best.compared} agree); it was chosen on these very numbers."
        )


@dataclass(frozen=True)
class Counts:
    """How many printed numbers agree, and why others were not compared.

    Attributes:
        too_wide: how many of those that agree have an interval that is too wide to say much.
        not_comparable: by reason.
        repeats: how many of all lines show the same number and trials as an earlier one.
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
    """Return one line for each published value.

    Args:
        published: of `analysis.published.published.load_published`.
        study: that the rows are of.
        rows: all rows of the study that are known so far.
        trials: of `analysis.frames.frames.trials_frame`.
        tests: a line for each evaluation on the test set: table, level, seed, test_metric, test_loss; may be empty.
    """
    by_place = {(row.table, ", ".join(row.labels)): row for row in rows}
    sources = [_source(value, study, by_place, trials, tests) for value in published.values]
    columns: dict[tuple[str, str], list[PublishedValue]] = {}
    for value in published.values:
        columns.setdefault((value.table, value.quantity), []).append(value)

    def lines(shift: Callable[[_Source], float]) -> list[ComparedValue]:
        return [_line(s, shift(s), columns[s.value.table, s.value.quantity]) for s in sources]

    def shifted(shift: float) -> list[ComparedValue]:
        return lines(lambda source: shift if source.objective == published.objective else 0.0)

    in_question = [bool(s.objective) and s.objective == published.objective for s in sources]
    fits = []
    for convention in published.conventions:
        own = [line for line, asked in zip(shifted(convention.shift), in_question, strict=True) if asked]
        compared = [line for line in own if line.difference is not None and line.verdict != NOT_COMPARABLE]
        if compared:
            agreeing = sum(line.verdict == AGREES for line in compared)
            mean = float(np.mean([abs(line.difference or 0.0) for line in compared]))
            fit = ConventionFit(convention.name, convention.shift, convention.because, agreeing, len(compared), mean)
            fits.append(fit)
    fits.sort(key=lambda fit: (-fit.agrees, fit.mean_difference))
    if not fits:
        return Comparison(_with_repeats(shifted(0.0), sources))
    best = fits[0]
    if 2 * best.agrees >= best.compared:
        return Comparison(_with_repeats(shifted(best.shift), sources), tuple(fits), best.name)
    found = [
        replace(line, verdict=NOT_COMPARABLE, reason=NO_CONVENTION, too_wide=False)
        if asked and line.verdict != NOT_COMPARABLE
        else line
        for line, asked in zip(shifted(0.0), in_question, strict=True)
    ]
    return Comparison(_with_repeats(found, sources), tuple(fits))


def count(lines: Sequence[ComparedValue]) -> Counts:
    """Return how many lines have which verdict; of several studies, join their lines."""
    verdicts = Counter(line.verdict for line in lines)
    return Counts(
        agrees=verdicts[AGREES],
        too_wide=sum(line.too_wide for line in lines),
        differs=verdicts[DIFFERS],
        not_comparable=dict(Counter(line.reason for line in lines if line.verdict == NOT_COMPARABLE).most_common()),
        repeats=sum(line.repeats for line in lines),
    )


@dataclass(frozen=True)
class _Source:
    """What a published value is compared with: the replicates' values, or why there are none."""

    value: PublishedValue
    values: tuple[float, ...] = ()
    keys: tuple[str, ...] = ()
    noise: str = MOVING_SPLIT
    rows: int = 0
    overlap: float = 0.0
    collapsed: int = 0
    unit: str = ""
    objective: str = ""
    reason: str = ""
    detail: str = ""


def _source(
    value: PublishedValue,
    study: Study,
    by_place: Mapping[tuple[str, str], Row],
    trials: pd.DataFrame,
    tests: pd.DataFrame,
) -> _Source:
    row = by_place.get((value.table, value.level))
    own = trials[(trials["table"] == value.table) & (trials["level"] == value.level)]
    if row is None or row.config is None or own.empty:
        return _Source(value, reason=NOT_RUN, detail=row.reason if row else "")
    frame = own[own["epoch"].notna()]
    if value.quantity in TESTED:
        named = tests[(tests["table"] == value.table) & (tests["level"] == value.level)] if len(tests) else tests
        frame = frame.merge(named[["seed", *TESTED]], on="seed") if len(named) else frame.iloc[:0]
    source = _Source(
        value,
        tuple(float(number) for number in frame[value.quantity]) if len(frame) else (),
        tuple(sorted(frame["key"])),
        *_noise(value.quantity, row, row.config),
        collapsed=int(own["one_class"].fillna(False).sum()) if "one_class" in own else 0,
        unit=_unit(value.quantity, own),
        objective=row.config.objective if value.quantity.endswith("_loss") else "",
    )
    bad = own[own["outcome"].isin(OUTCOMES_WITHOUT_NUMBER)]
    if len(bad):
        outcomes = [outcome for outcome in OUTCOMES_WITHOUT_NUMBER if (bad["outcome"] == outcome).any()]
        words = ", ".join(f"{o.replace('_', ' ')} in {int((bad['outcome'] == o).sum())}" for o in outcomes)
        reason = " or ".join(outcome.replace("_", " ") for outcome in outcomes)
        return replace(source, values=(), reason=reason, detail=f"{words} of {len(own)}")
    if not source.values:
        missing = (own["outcome"] == MISSING).all() or value.quantity not in TESTED
        return replace(source, reason=NOT_RUN if missing else NOT_TESTED)
    lost = sum(not isfinite(number) for number in source.values)
    if lost:
        return replace(source, values=(), reason=NOT_FINITE, detail=f"{NOT_FINITE} in {lost} of {len(source.values)}")
    if value.quantity == "train_seconds":
        return replace(source, reason=OTHER_HARDWARE)
    if study.overrides:
        words = ", ".join(f"{name}={number}" for name, number in study.overrides.items())
        return replace(source, reason=VARIED, detail=f"{VARIED}: {words}")
    if row.epochs < row.config.epochs:
        return replace(source, reason=QUICK_LOOK, detail=f"{row.epochs} of {row.config.epochs} epochs")
    if len(source.values) == 1:
        return replace(source, reason=ONE_REPLICATE)
    if source.noise == OTHER_SPLIT and not source.rows:
        return replace(source, reason=ONE_SPLIT, detail=f"{ONE_SPLIT}: how much another would change is not known")
    return source


def _noise(quantity: str, row: Row, config: TrialConfig) -> tuple[str, int, float]:
    """Return what a new run changes, how many rows its share is of, and which part of them it has in common with ours.

    The rows are 0 for what is no share of rows. Two training parts have most of their rows in common: each row of the
    one is in the other with the share of the training part in all rows that are split. Of the small validation parts
    that is neglected.
    """
    info, held_out = config.dataset_info, validation_rows(config)
    share = quantity.endswith("_metric") and info.task == "classification"
    if quantity in TESTED:
        if "outer_split" not in info.reads:
            return SAME_ROWS, 0, 0.0
        return (MOVING_SPLIT if "outer_split" in row.moves else OTHER_SPLIT), info.test_rows if share else 0, 0.0
    noise = MOVING_SPLIT if row.moves else OTHER_SPLIT
    if not quantity.startswith("train"):
        return noise, held_out if share else 0, 0.0
    rows = info.development_rows - held_out
    return noise, rows if share else 0, rows / info.development_rows


def _unit(quantity: str, frame: pd.DataFrame) -> str:
    if quantity == "train_seconds":
        return "s"
    known = frame[frame["metric"] != ""]
    if quantity.endswith("_loss") or known.empty:
        return ""
    return METRIC_SPECS[str(known["metric"].iloc[0])].unit or str(known["target_unit"].iloc[0])


def _line(source: _Source, shift: float, column: Sequence[PublishedValue]) -> ComparedValue:
    value = source.value
    empty = ComparedValue(
        value, None, None, None, NOT_COMPARABLE, source.reason, source.detail, unit=source.unit, shift=shift
    )
    if not source.values:
        return empty
    values = np.asarray(source.values) + shift
    ours = estimate(values)
    scatter = no_normal_interval(values, collapsed=source.collapsed) if source.unit == "%" else ""
    shown = replace(empty, estimate=ours, difference=ours.mean - value.value, scatter=scatter)
    if source.reason:
        return shown
    known = binomial_variance(ours.mean, source.rows, overlap=source.overlap) if source.rows else 0.0
    half_width = prediction_half_width(values, noise=source.noise, binomial=known)
    reach = half_width + value.tolerance * (1 + 1e-9)
    agrees = abs(ours.mean - value.value) <= reach
    if half_width == 0 and not agrees:
        return replace(shown, reason=NO_SPREAD, detail=f"{NO_SPREAD}: no spread to judge by")
    others = [other.value for other in column if other.value != value.value]
    taken = sum(abs(ours.mean - other) <= reach for other in others)
    wide = 2 * taken >= len(others) if len(others) >= 2 else half_width > _widest(value.value, source.unit)
    return replace(shown, half_width=half_width, verdict=AGREES if agrees else DIFFERS, too_wide=agrees and wide)


def _widest(printed: float, unit: str) -> float:
    """Return the half-width above which an interval says little of a number that stands alone."""
    return min(max((100 - printed) / 2, _NARROW), _WIDE) if unit == "%" else abs(printed) / 2


def _with_repeats(lines: Sequence[ComparedValue], sources: Sequence[_Source]) -> tuple[ComparedValue, ...]:
    seen: set[Any] = set()
    found = []
    for line, source in zip(lines, sources, strict=True):
        same = (source.keys, source.value.quantity, source.value.value)
        found.append(replace(line, repeats=bool(source.keys) and same in seen))
        seen.add(same)
    return tuple(found)
