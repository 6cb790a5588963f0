"""Whether the sentences of a published report hold over the replicates; each is tested, paired by seed.

A sentence holds where the replicates show all that it says, each part by a one-sided test at 2.5% (an
intersection-union test, which needs no correction: Berger, 1982). It is contradicted where they show the contrary of
any part, by the opposite one-sided tests at 2.5% after Holm's correction over the sentence. Otherwise these replicates
cannot tell. A single test therefore agrees with the 95% interval printed beside it. Each sentence is judged by itself:
of many false sentences, up to one in forty would be found to hold.

A replicate that diverged, or whose number is not finite, counts as worse than any other: its level is compared by an
exact sign test over the pairs instead of a t test. Quantities without a worst value (times, gaps, equivalence, ratios,
spread) cannot be told then. A replicate that failed or ran out of time says nothing about its level, which cannot be
told either.

The replicates draw their splits from one dataset, so their training parts overlap: t tests and intervals of what is
validated are corrected for that (Nadeau and Bengio, 2003). What holds, holds for this data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.published.claims import KINDS, RISES_WITH, TESTABLE, Check, Statement
from analysis.published.quantities import Replicates, UntestableError, with_derived
from analysis.statistics.claim_inference import (
    LEVEL,
    Finding,
    all_of,
    directed,
    more_varied,
    ordered,
    within_margin,
)
from analysis.statistics.intervals import estimate, holm_of_known
from tune_jobs.study.rows import Row, training_overlap
from tune_jobs.trial.data import validation_rows
from tune_jobs.words import counted

HOLDS, CONTRADICTED, CANNOT_TELL, NO_TEST = "holds", "contradicted", "undecided", "not tested"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one test of a sentence.

    Attributes:
        verdict: `HOLDS`, `CONTRADICTED` or `CANNOT_TELL`.
        words: what was tested.
        effects: sizes in words with 95% interval, unit and n, one for each pair of levels.
        n: how many replicates, or pairs of them, were compared.
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
    """A sentence with the outcome of its tests.

    It holds where all its tests do, is contradicted where one is, and has the verdict `NO_TEST` where it has none.
    """

    statement: Statement
    verdict: str
    checks: tuple[CheckResult, ...] = ()

    @property
    def verdict_words(self) -> str:
        """The verdict, with the number of seeds where more of them could decide."""
        counts = [check.n for check in self.checks if check.verdict == CANNOT_TELL and not check.reason]
        if self.verdict != CANNOT_TELL or not counts:
            return self.verdict
        return f"{self.verdict} with {counted(min(counts), 'seed')}"


def judge(
    statements: Sequence[Statement],
    *,
    rows: Sequence[Row],
    trials: pd.DataFrame,
    tests: pd.DataFrame | None = None,
    correlations: pd.DataFrame | None = None,
) -> list[StatementResult]:
    """Test each sentence on the replicates.

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
    overlaps = {(row.table, ", ".join(row.labels)): training_overlap(row) for row in rows}
    held_out = {
        (row.table, ", ".join(row.labels)): validation_rows(row.config) for row in rows if row.config is not None
    }
    data = Replicates(labels, with_derived(trials, rows, tests), correlations, overlaps, held_out)
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
    """Count the sentences with each verdict, zeros included."""
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


def _find(check: Check, data: Replicates) -> Finding:
    try:
        return _TESTS[check.kind](check, data)
    except UntestableError as error:
        return Finding(reason=str(error))


def _compared(check: Check, data: Replicates) -> Finding:
    """Test that a level lies above, or below, each of the levels under `than`."""
    sign = -1.0 if check.kind == "lower" else 1.0
    parts, overlap, step = [], data.overlap(check), data.step(check)
    for other in check.than:
        values, against = data.arrays(check.quantity, [check.subjects[0], other])
        what = f"against {other.level}"
        parts.append(directed(values, against, sign, data.unit(check), what, overlap=overlap, step=step))
    return all_of(parts)


def _more_varied(check: Check, data: Replicates) -> Finding:
    parts, overlap, step = [], data.overlap(check), data.step(check)
    for other in check.than:
        values, against = data.arrays(check.quantity, [check.subjects[0], other], finite=True)
        what = f"against {other.level}"
        parts.append(more_varied(values, against, data.unit(check), what, overlap, step))
    return all_of(parts)


def _ordered(check: Check, data: Replicates) -> Finding:
    sign = 1.0 if check.kind == "increasing" else -1.0
    values = np.stack(data.arrays(check.quantity, check.subjects))
    names = [place.level for place in check.subjects]
    return ordered(values, sign, data.unit(check), names, data.overlap(check), data.step(check))


def _equivalent(check: Check, data: Replicates) -> Finding:
    """Test by two one-sided tests (Schuirmann, 1987) that the 95% interval of every pair lies inside the margin."""
    parts = []
    for place, other in combinations(check.subjects, 2):
        values, against = data.arrays(check.quantity, [place, other], finite=True)
        if "relative_margin" in check.numbers:
            reference = float(against.mean())
            values, against = 100 * values / reference, 100 * against / reference
            margin, unit, step = 100 * check.numbers["relative_margin"], "%", 100 * data.step(check) / abs(reference)
        else:
            margin, unit, step = check.numbers["margin"], data.unit(check), data.step(check)
        what = f"from {other.level} to {place.level}"
        size = np.abs(values).max()
        parts.append(within_margin(values - against, margin, unit, what, size, data.overlap(check), step))
    return all_of(parts)


def _ratio(check: Check, data: Replicates) -> Finding:
    """Test that the 95% interval of the geometric mean ratio lies within a factor of the claimed ratio."""
    values, against = data.arrays(check.quantity, check.subjects, finite=True)
    if min(values.min(), against.min()) <= 0:
        raise UntestableError("a ratio needs values above 0")
    logs = np.log(values / against)
    about, within = log(check.numbers["about"]), log(check.numbers["within"])
    found = within_margin(logs - about, within, "", "", 1.0, data.overlap(check))
    ratio = estimate(logs, overlap=data.overlap(check))
    words = f"{np.exp(ratio.mean):.3g} times"
    if ratio.half_width:
        low, high = np.exp(ratio.mean - ratio.half_width), np.exp(ratio.mean + ratio.half_width)
        words += f" ({low:.3g} to {high:.3g})"
    return Finding((f"{words}, n = {ratio.n}",), found.n, found.p_claim, found.p_contrary, found.reason)


def _threshold(check: Check, data: Replicates) -> Finding:
    sign = 1.0 if check.kind == "above" else -1.0
    (values,) = data.arrays(check.quantity, check.subjects)
    value = check.numbers["value"]
    level = np.full_like(values, value)
    return directed(
        values, level, sign, data.unit(check), f"against {value:g}", overlap=data.overlap(check), step=data.step(check)
    )


def _gain(check: Check, data: Replicates) -> Finding:
    """Test that subjects[0] - subjects[1] is larger than than[0] - than[1]: an interaction."""
    one, two, three, four = data.arrays(check.quantity, check.places, finite=True)
    return directed(
        one - two, three - four, 1.0, data.unit(check), "", overlap=data.overlap(check), step=data.step(check)
    )


def _reached(check: Check, data: Replicates) -> Finding:
    """Test exactly, by the binomial, that more (or fewer) than half of all runs reach the target."""
    (hits,) = data.arrays("reached", check.subjects)
    reached, n = int((hits == 1).sum()), hits.size
    share = binomtest(reached, n).proportion_ci(method="exact")
    words = f"reached by {reached} of {n} (of all runs, {share.low:.0%} to {share.high:.0%})"
    often, seldom = (float(binomtest(reached, n, alternative=way).pvalue) for way in ("greater", "less"))
    claim, contrary = (often, seldom) if check.kind == "reaches" else (seldom, often)
    return Finding((words,), n, claim, contrary)


def _uncertainty(check: Check, data: Replicates) -> Finding:
    """Test that the correlations of the replicates are above 0 on average."""
    frame, (place,) = data.correlations, check.subjects
    if frame is None or frame.empty:
        raise UntestableError("no predictions were kept")
    levels = place.cells(data.labels.get(place.table, ())).values()
    named = (frame["table"] == place.table) & frame["level"].isin(levels) & (frame["feature"] == check.feature)
    values = frame[named].groupby("seed")["correlation"].mean().dropna().to_numpy(dtype=np.float64)
    if not len(values):
        raise UntestableError("not run yet")
    return directed(values, np.zeros_like(values), 1.0, "", "correlation")


def _words(check: Check, data: Replicates) -> str:
    tables = list(dict.fromkeys(place.table for place in check.places))
    subjects, than = (
        [place.level if len(tables) == 1 else f"{place.level} ({place.table})" for place in places]
        for places in (check.subjects, check.than)
    )
    joined = {"ratio": " over ", "gain": " over ", "increasing": " → ", "decreasing": " → "}.get(check.kind, " and ")
    margin = ""
    if check.kind == "equivalent":
        relative = check.numbers.get("relative_margin")
        margin = f"{relative:.0%}" if relative else f"{check.numbers['margin']:g} {data.unit(check)}".strip()
    claim = KINDS[check.kind].words.format(
        subject=joined.join(subjects),
        than=joined.join(than),
        margin=margin,
        feature=check.feature,
        **_numbers(check),
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


_TESTS: Mapping[str, Callable[[Check, Replicates], Finding]] = {
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
    RISES_WITH: _uncertainty,
}
