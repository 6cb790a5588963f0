"""A study compared with the report that it reproduces: its numbers, its sentences, and how many of them agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import correlation_frame, gaussian_replicates
from analysis.frames.test_results import tests_frame
from analysis.published.claims import RISES_WITH
from analysis.published.comparison import AGREES, DIFFERS, NOT_COMPARABLE, Comparison, Counts, compare, count
from analysis.published.published import Published, load_published
from analysis.published.verdicts import CONTRADICTED, HOLDS, NO_TEST, StatementResult, count_verdicts, judge
from tune_jobs.words import counted


@dataclass(frozen=True)
class Reproduction:
    """What a report printed, and how the study compares.

    Attributes:
        statements: the verdict on each sentence; empty where the study was varied or cut short.
    """

    published: Published
    comparison: Comparison
    statements: Sequence[StatementResult]

    @property
    def counts(self) -> Counts:
        """How many printed numbers agree."""
        return count(self.comparison.lines)


def reproduction_of(evidence: Evidence) -> Reproduction | None:
    """Compare a study with its published report; None where none is known.

    Raises:
        UserError: the file with the published numbers breaks a rule.
    """
    study = evidence.study
    published = load_published(study)
    if published is None:
        return None
    tests = tests_frame(evidence.own_openings())
    comparison = compare(published, study=study, rows=evidence.standing.rows, trials=evidence.trials, tests=tests)
    if study.overrides or study.fraction < 1:
        return Reproduction(published, comparison, ())
    results = judge(
        published.statements,
        rows=evidence.standing.rows,
        trials=evidence.trials,
        tests=tests,
        correlations=_correlations(published, evidence),
    )
    return Reproduction(published, comparison, results)


def counts_in_words(reproduction: Reproduction) -> list[str]:
    """Say how many numbers agree, differ and cannot be compared, and how many sentences hold."""
    counts = reproduction.counts
    reasons = sorted((counts.not_comparable or {}).items(), key=lambda item: (-item[1], item[0]))
    why = f" ({', '.join(f'{number} {reason}' for reason, number in reasons)})" if reasons else ""
    wide = f" ({counts.too_wide} of them in an interval that is too wide to say much)" if counts.too_wide else ""
    words = [
        f"Of {counted(counts.total, 'published number')}, {_many(counts.agrees, AGREES)}{wide}, "
        f"{_many(counts.differs, DIFFERS)}, {_many(sum(number for _, number in reasons), NOT_COMPARABLE)}{why}."
    ]
    if counts.repeats:
        words.append(f"{_many(counts.repeats, 'repeats')} an earlier number of the same trials.")
    if reproduction.comparison.convention_words:
        words.append(reproduction.comparison.convention_words)
    if reproduction.statements:
        verdicts = count_verdicts(reproduction.statements)
        listed = ", ".join(_many(number, verdict) for verdict, number in verdicts.items() if number)
        words.append(f"Of {counted(len(reproduction.statements), 'sentence')}: {listed}.")
    return words


def counts_line(reproduction: Reproduction) -> str:
    """Say in one line how many numbers and sentences of the report agree."""
    counts = reproduction.counts
    left = sum((counts.not_comparable or {}).values())
    line = (
        f"Of {counted(counts.total, 'published number')}, {_many(counts.agrees, AGREES)}, "
        f"{_many(counts.differs, DIFFERS)} and {_many(left, NOT_COMPARABLE)}"
    )
    if reproduction.statements:
        verdicts = count_verdicts(reproduction.statements)
        listed = ", ".join(_many(number, verdict) for verdict, number in verdicts.items() if number)
        line += f"; of {counted(len(reproduction.statements), 'sentence')}, {listed}"
    return f"{line}."


# What stands before a verdict that is no verb, and the plurals of the verbs.
_IS = frozenset({NOT_COMPARABLE, CONTRADICTED, NO_TEST})
_PLURAL = {AGREES: "agree", DIFFERS: "differ", "repeats": "repeat", HOLDS: "hold", "is": "are"}


def _many(number: int, verdict: str) -> str:
    """Write a number with a verdict as its verb: "1 agrees", "2 are not tested"."""
    verb, *rest = f"is {verdict}".split(maxsplit=1) if verdict in _IS else [verdict]
    return " ".join([str(number), verb if number == 1 else _PLURAL.get(verb, verb), *rest])


def _correlations(published: Published, evidence: Evidence) -> pd.DataFrame:
    """Correlations of the predicted standard deviation with each input, for the tables whose sentences need them."""
    tables = {
        place.table
        for statement in published.statements
        for check in statement.checks
        if check.kind == RISES_WITH
        for place in check.places
    }
    frames = []
    for position, row in enumerate(evidence.standing.rows):
        if row.table in tables and row.config is not None:
            frame = correlation_frame(list(gaussian_replicates([row], evidence)), row.config.dataset_info.features)
            frames.append(frame.assign(table=row.table, level=", ".join(row.labels), position=position))
    names = ["table", "level", "seed", "feature", "correlation"]
    known = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*names, "rho"])
    return known.drop(columns="correlation", errors="ignore").rename(columns={"rho": "correlation"})[names]
