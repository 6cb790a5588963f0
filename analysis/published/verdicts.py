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

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.published.claim_tests import finding_of
from analysis.published.claims import KINDS, TESTABLE, Check, Statement
from analysis.published.quantities import Replicates, with_derived
from analysis.statistics.claim_inference import LEVEL
from analysis.statistics.intervals import holm_of_known
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
        findings = [finding_of(check, data) for check in statement.checks]
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
