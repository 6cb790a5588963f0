"""Whether the sentences of a report hold over replicates: each by a test, paired by seed.

A sentence holds where the replicates show all that it says, each by a one-sided test at 2.5% (an intersection-union
test, which needs no correction: Berger, 1982). It is contradicted where they show the contrary of any of it, by the
opposite one-sided tests at 2.5% after Holm's correction over the sentence. Else it cannot be told at so many seeds.
So a single test agrees with the 95% interval that is printed beside it. Each sentence is judged by itself: of many
that are false, up to one in forty would be taken to hold.

A replicate that diverged, or whose number is not finite, counts as worse than any other: such levels are compared by
an exact sign test over the pairs instead of a t test. For what has no worst value (times, gaps, equivalence, ratios,
spread) they cannot be told. A replicate that failed or ran out of time is no outcome of its level: nor can those.

The replicates draw their splits from one data set and overlap: what holds, holds for this data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf, log, nan

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.frames.outcomes import DIVERGED, OUTCOMES_WITHOUT_NUMBER
from analysis.published.claims import KINDS, TESTABLE, Check, Levels, Place, Statement
from analysis.published.published import TESTED
from analysis.statistics.claim_inference import (
    LEVEL,
    Array,
    Finding,
    all_of,
    directed,
    more_varied,
    ordered,
    within_margin,
)
from analysis.statistics.intervals import estimate, holm_of_known
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import METRIC_SPECS

HOLDS, CONTRADICTED, CANNOT_TELL, NO_TEST = "holds", "contradicted", "cannot be told", "not tested"


@dataclass(frozen=True)
class CheckResult:
    """What the replicates say of one test.

    Attributes:
        verdict: `HOLDS`, `CONTRADICTED` or `CANNOT_TELL`.
        words: what was tested.
        effects: sizes with 95% intervals, unit and n, in words; one for each pair of levels.
        n: how many replicates, or pairs of them, the test has.
        p_value: one-sided, in the claimed direction; None where there is no test.
        reason: why there is no test.
    """

    check: Check
    verdict: str
    words: str
    effects: tuple[str, ...] = ()
    n: int = 0
    p_value: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class StatementResult:
    """A sentence, what its tests say, and both together.

    It holds where all of its tests do, is contradicted where one of them is, and is `NO_TEST` without any.
    """

    statement: Statement
    verdict: str
    checks: tuple[CheckResult, ...] = ()

    @property
    def verdict_words(self) -> str:
        """The verdict, with the number of seeds where that is what lacks."""
        counts = [check.n for check in self.checks if check.verdict == CANNOT_TELL and not check.reason]
        if self.verdict != CANNOT_TELL or not counts:
            return self.verdict
        return f"{self.verdict} at {min(counts)} seeds"


class _UntestableError(Exception):
    """Why the replicates cannot decide."""


def judge(
    statements: Sequence[Statement],
    *,
    rows: Sequence[Row],
    trials: pd.DataFrame,
    tests: pd.DataFrame | None = None,
    correlations: pd.DataFrame | None = None,
) -> list[StatementResult]:
    """Return what the replicates say of each sentence.

    Args:
        statements: of the study.
        rows: all rows of the study that are known so far.
        trials: of `analysis.frames.frames.trials_frame`.
        tests: a line for each evaluation on the test set: table, level, seed, test_metric, test_loss.
        correlations: of the predicted standard deviation with an input, over the validation rows of a replicate:
            table, level, seed, feature, correlation.
    """
    labels: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        labels.setdefault(row.table, []).append(row.labels)
    data = _Data(labels, _with_derived(trials, rows, tests), correlations)
    results = []
    for statement in statements:
        findings = [_find(check, data) for check in statement.checks]
        contraries = holm_of_known([finding.p_contrary for finding in findings])
        checks = tuple(
            CheckResult(
                check,
                _verdict(finding.p_claim, contrary),
                _words(check, data),
                finding.effects,
                finding.n,
                finding.p_claim,
                finding.reason,
            )
            for check, finding, contrary in zip(statement.checks, findings, contraries, strict=True)
        )
        results.append(StatementResult(statement, _together(checks), checks))
    return results


def count_verdicts(results: Sequence[StatementResult]) -> dict[str, int]:
    """Return how many sentences have which verdict, those that none has included."""
    return {
        verdict: sum(result.verdict == verdict for result in results)
        for verdict in (HOLDS, CONTRADICTED, CANNOT_TELL, NO_TEST)
    }


def _verdict(claim: float | None, contrary: float | None) -> str:
    if claim is not None and claim <= LEVEL:
        return HOLDS
    return CONTRADICTED if contrary is not None and contrary <= LEVEL else CANNOT_TELL


def _together(checks: Sequence[CheckResult]) -> str:
    verdicts = {check.verdict for check in checks}
    if not verdicts:
        return NO_TEST
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return HOLDS if verdicts == {HOLDS} else CANNOT_TELL


def _with_derived(trials: pd.DataFrame, rows: Sequence[Row], tests: pd.DataFrame | None) -> pd.DataFrame:
    """Return the trials with every column of `TESTABLE`; infinite where a replicate diverged, NaN where none is.

    A number that is not finite is as if the replicate had diverged.
    """
    frame = trials.drop(columns=[*TESTED], errors="ignore")
    if tests is not None and len(tests):
        named = tests[["table", "level", "seed", *TESTED]].assign(tested=True)
        frame = frame.merge(named, on=["table", "level", "seed"], how="left")
    else:
        frame = frame.assign(**dict.fromkeys(TESTED, nan), tested=nan)
    known = frame[frame["metric"] != ""].groupby("table")["metric"].first()
    higher = frame["table"].map(lambda table: METRIC_SPECS[known.get(table, "accuracy")].higher_is_better)
    sign = np.where(higher, 1.0, -1.0)
    last = {(row.table, ", ".join(row.labels)): row.epochs for row in rows}
    never = [float(last.get(place, 0) + 1) for place in zip(frame["table"], frame["level"], strict=True)]
    diverged = (frame["outcome"] == DIVERGED).to_numpy()
    ended = frame["epoch"].notna().to_numpy() | diverged
    tested = frame["tested"].notna().to_numpy()
    until = frame["epochs_until"].to_numpy(dtype=np.float64)
    derived = {
        "reached": np.where(ended, (~np.isnan(until)).astype(np.float64), nan),
        "epochs_until": np.where(np.isnan(until) & ended, never, until),
        "metric_gap": sign * (frame["train_metric"] - frame["validation_metric"]).to_numpy(dtype=np.float64),
        "loss_gap": (frame["validation_loss"] - frame["train_loss"]).to_numpy(dtype=np.float64),
    }
    for part in ("train", "validation", "test"):
        there = tested if part == "test" else ended
        for kind, worst in (("metric", -sign * inf), ("loss", np.full(len(frame), inf))):
            values = frame[f"{part}_{kind}"].to_numpy(dtype=np.float64)
            derived[f"{part}_{kind}"] = np.where(diverged | (there & ~np.isfinite(values)), worst, values)
    gaps = {name: np.where(np.isfinite(derived[name]), derived[name], nan) for name in ("metric_gap", "loss_gap")}
    return frame.assign(**{**derived, **gaps})


@dataclass(frozen=True)
class _Data:
    """The replicates, with the labels of the rows that are known."""

    labels: Levels
    trials: pd.DataFrame
    correlations: pd.DataFrame | None = None
    _read: dict[tuple[str, str, str], "pd.Series[float]"] = field(default_factory=dict)

    def series(self, quantity: str, places: Sequence[Place]) -> list["pd.Series[float]"]:
        """Return the values of each place by seed, over the cells and the seeds that all places have."""
        cells = [place.cells(self.labels.get(place.table, ())) for place in places]
        known = [
            {key: values for key, level in own.items() if len(values := self._values(quantity, place.table, level))}
            for place, own in zip(places, cells, strict=True)
        ]
        shared = [key for key in known[0] if all(key in own for own in known)]
        if not shared:
            raise _UntestableError("not run yet")
        means = [pd.concat([own[key] for key in shared], axis=1, join="inner").mean(axis=1) for own in known]
        seeds = sorted(set.intersection(*(set(mean.index) for mean in means)))
        if not seeds:
            raise _UntestableError("no replicates that could be paired")
        return [mean[seeds] for mean in means]

    def _values(self, quantity: str, table: str, level: str) -> "pd.Series[float]":
        slot = (quantity, table, level)
        if slot not in self._read:
            own = self.trials[(self.trials["table"] == table) & (self.trials["level"] == level)]
            for outcome in OUTCOMES_WITHOUT_NUMBER:
                if outcome != DIVERGED and (own["outcome"] == outcome).any():
                    raise _UntestableError(f"{level}: {outcome.replace('_', ' ')}")
            lost = own[own[quantity].isna()]
            for words, those in (("diverged", lost["outcome"] == DIVERGED), ("not finite", lost["epoch"].notna())):
                if those.any() and quantity not in TESTED:
                    raise _UntestableError(f"{level}: {words} in {int(those.sum())} of {len(own)}")
            self._read[slot] = own.set_index("seed")[quantity].dropna()
        return self._read[slot]

    def arrays(self, quantity: str, places: Sequence[Place], *, finite: bool = False) -> list[Array]:
        """Return the values of each place, in the order of the shared seeds."""
        arrays = [np.asarray(values, dtype=np.float64) for values in self.series(quantity, places)]
        if finite and not all(np.isfinite(array).all() for array in arrays):
            raise _UntestableError("replicates that diverged have no value to measure by")
        return arrays

    def never_words(self, check: Check) -> str:
        """Return how many replicates never reach the target, and what they count as; "" where all do."""
        counts = []
        for place in check.places:
            levels = list(place.cells(self.labels.get(place.table, ())).values())
            own = self.trials[(self.trials["table"] == place.table) & self.trials["level"].isin(levels)]
            if never := int((own["reached"] == 0).sum()):
                counts.append(f"{never} of {len(own)} of {place.level}")
        if not counts:
            return ""
        return f"; never reached in {', '.join(counts)}, which counts as one epoch after the last"

    def unit(self, check: Check) -> str:
        """Return the unit of a check's differences, in words."""
        metric, target = self._metric(check)
        if check.quantity.endswith(("_metric", "metric_gap")):
            unit = METRIC_SPECS[metric].unit or target
            return "points" if unit == "%" else unit
        return {"train_seconds": "s", "epochs_until": "epochs"}.get(check.quantity, "")

    def metric_words(self, check: Check) -> str:
        """Return the metric within a sentence: "accuracy"."""
        label = METRIC_SPECS[self._metric(check)[0]].label
        return label.lower() if label.istitle() else label

    def _metric(self, check: Check) -> tuple[str, str]:
        known = self.trials[(self.trials["table"] == check.own[0].table) & (self.trials["metric"] != "")]
        if known.empty:
            return "accuracy", ""
        return str(known["metric"].iloc[0]), str(known["target_unit"].iloc[0])


def _find(check: Check, data: _Data) -> Finding:
    try:
        return _TESTS[check.kind](check, data)
    except _UntestableError as error:
        return Finding(reason=str(error))


def _compared(check: Check, data: _Data) -> Finding:
    """Test that a level lies above, or below, each of others."""
    sign = -1.0 if check.kind == "lower" else 1.0
    parts = []
    for other in check.than:
        own, against = data.arrays(check.quantity, [check.own[0], other])
        parts.append(directed(own, against, sign, data.unit(check), f"against {other.level}"))
    return all_of(parts)


def _more_varied(check: Check, data: _Data) -> Finding:
    parts = []
    for other in check.than:
        own, against = data.arrays(check.quantity, [check.own[0], other], finite=True)
        parts.append(more_varied(own, against, data.unit(check), f"against {other.level}"))
    return all_of(parts)


def _ordered(check: Check, data: _Data) -> Finding:
    sign = 1.0 if check.kind == "increasing" else -1.0
    values = np.stack(data.arrays(check.quantity, check.own))
    return ordered(values, sign, data.unit(check), [place.level for place in check.own])


def _equivalent(check: Check, data: _Data) -> Finding:
    """Test by two one-sided tests (Schuirmann, 1987) that the 95% interval of every pair lies inside the margin."""
    parts = []
    for one, other in combinations(check.own, 2):
        own, against = data.arrays(check.quantity, [one, other], finite=True)
        if "relative_margin" in check.numbers:
            reference = float(against.mean())
            own, against = 100 * own / reference, 100 * against / reference
            margin, unit = 100 * check.numbers["relative_margin"], "%"
        else:
            margin, unit = check.numbers["margin"], data.unit(check)
        parts.append(
            within_margin(own - against, margin, unit, f"from {other.level} to {one.level}", np.abs(own).max())
        )
    return all_of(parts)


def _ratio(check: Check, data: _Data) -> Finding:
    """Test that the 95% interval of the geometric mean ratio lies within a factor of what was said."""
    own, against = data.arrays(check.quantity, check.own, finite=True)
    if min(own.min(), against.min()) <= 0:
        raise _UntestableError("values that are not above 0 have no ratio")
    logs = np.log(own / against)
    found = within_margin(logs - log(check.numbers["about"]), log(check.numbers["within"]), "", "", 1.0)
    ratio = estimate(logs)
    words = f"{np.exp(ratio.mean):.3g} times"
    if ratio.half_width:
        low, high = np.exp(ratio.mean - ratio.half_width), np.exp(ratio.mean + ratio.half_width)
        words += f" ({low:.3g} to {high:.3g})"
    return Finding((f"{words}, n = {ratio.n}",), found.n, found.p_claim, found.p_contrary, found.reason)


def _threshold(check: Check, data: _Data) -> Finding:
    sign = 1.0 if check.kind == "above" else -1.0
    (own,) = data.arrays(check.quantity, check.own)
    value = check.numbers["value"]
    return directed(own, np.full_like(own, value), sign, data.unit(check), f"against {value:g}")


def _gain(check: Check, data: _Data) -> Finding:
    """Test that own[0] - own[1] is larger than than[0] - than[1]: an interaction."""
    one, two, three, four = data.arrays(check.quantity, check.places, finite=True)
    return directed(one - two, three - four, 1.0, data.unit(check), "")


def _reached(check: Check, data: _Data) -> Finding:
    """Test by the exact binomial that more, or fewer, than half of all runs reach the target."""
    (own,) = data.arrays("reached", check.own)
    reached, n = int((own == 1).sum()), own.size
    share = binomtest(reached, n).proportion_ci(method="exact")
    words = f"reached by {reached} of {n} (of all runs, {share.low:.0%} to {share.high:.0%})"
    often, seldom = (float(binomtest(reached, n, alternative=way).pvalue) for way in ("greater", "less"))
    claim, contrary = (often, seldom) if check.kind == "reaches" else (seldom, often)
    return Finding((words,), n, claim, contrary)


def _uncertainty(check: Check, data: _Data) -> Finding:
    """Test that the correlations of the replicates are above 0 on average."""
    frame, (place,) = data.correlations, check.own
    if frame is None or frame.empty:
        raise _UntestableError("no predictions are kept")
    levels = place.cells(data.labels.get(place.table, ())).values()
    named = (frame["table"] == place.table) & frame["level"].isin(levels) & (frame["feature"] == check.feature)
    values = frame[named].groupby("seed")["correlation"].mean().dropna().to_numpy(dtype=np.float64)
    if not len(values):
        raise _UntestableError("not run yet")
    return directed(values, np.zeros_like(values), 1.0, "", "correlation")


def _words(check: Check, data: _Data) -> str:
    tables = list(dict.fromkeys(place.table for place in check.places))
    own, than = (
        [place.level if len(tables) == 1 else f"{place.level} ({place.table})" for place in places]
        for places in (check.own, check.than)
    )
    joined = {"ratio": " over ", "gain": " over ", "increasing": " → ", "decreasing": " → "}.get(check.kind, " and ")
    margin = ""
    if check.kind == "equivalent":
        relative = check.numbers.get("relative_margin")
        margin = f"{relative:.0%}" if relative else f"{check.numbers['margin']:g} {data.unit(check)}".strip()
    claim = KINDS[check.kind].words.format(
        own=joined.join(own), than=joined.join(than), margin=margin, feature=check.feature, **_numbers(check)
    )
    if len(tables) == 1:
        claim += f" ({tables[0]})"
    if check.quantity == "epochs_until" and KINDS[check.kind].quantity:
        claim += data.never_words(check)
    if not KINDS[check.kind].quantity:
        return claim
    return f"{TESTABLE[check.quantity].format(metric=data.metric_words(check))}: {claim}"


def _numbers(check: Check) -> dict[str, float]:
    return {name: number for name, number in check.numbers.items() if name in ("about", "within", "value")}


_TESTS: Mapping[str, Callable[[Check, _Data], Finding]] = {
    "higher": _compared,
    "lower": _compared,
    "more_varied": _more_varied,
    "increasing": _ordered,
    "decreasing": _ordered,
    "equivalent": _equivalent,
    "ratio": _ratio,
    "above": _threshold,
    "below": _threshold,
    "gain": _gain,
    "reaches": _reached,
    "never_reaches": _reached,
    "rises_with": _uncertainty,
}
