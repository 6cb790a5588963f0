"""How a reader may quote what a report found: a difference with its interval, its replicates and its splits."""

from collections.abc import Sequence

from analysis.frames.evidence import Evidence
from analysis.report.differences import FactorFound, LevelFound, share_of
from analysis.report.path_findings import known_path, path_quote
from analysis.statistics.comparisons import UNCLEAR
from analysis.statistics.intervals import CONFIDENCE
from analysis.tables.captions import compared_words
from tune_jobs.study.model import SPLITS
from tune_jobs.study.rows import Row
from tune_jobs.words import counted


def quote_sentences(evidence: Evidence, factors: Sequence[FactorFound]) -> list[str]:
    """Write the first difference of the report as a paper would; none where nothing was tested or of a quick look.

    Args:
        evidence: what the ledger knows of the study.
        factors: of `analysis.report.differences.differences`.
    """
    if evidence.study.fraction < 1:
        return []
    if not factors:
        words = path_quote(evidence, known_path(evidence))
        return [_quoted(words)] if words else []
    one = factors[0] if factors[0].held else max(factors, key=lambda factor: max(map(share_of, factor.levels)))
    level = next(iter(one.held), None) or max(one.levels, key=share_of)
    return [_quoted(_of_level(one, level, evidence))]


def _of_level(one: FactorFound, level: LevelFound, evidence: Evidence) -> str:
    found = level.comparison.difference
    titled = one.name.startswith("“")
    name = f"{one.view.title}:" if titled else f"{one.name[:1].upper()}{one.name[1:]}"
    head = f"{name} {level.label} in place of {one.default}"
    if level.collapse or found is None:
        return f"{head}: {level.collapse or level.verdict}"
    number, _, ends = level.signed_words.partition(", ")
    tests = len(one.levels)
    interval = f"{CONFIDENCE:.0%} interval {ends}" if ends else ""
    family = f"corrected for {tests} comparisons" if interval and tests > 1 else ""
    pairs = counted(found.n, "pair") if level.comparison.paired else counted(found.n, "seed")
    row = evidence.standing.rows[level.line.position]
    unclear = level.verdict if level.verdict == UNCLEAR else ""
    details = "; ".join(filter(None, [", ".join(filter(None, [interval, family])), unclear]))
    metric = compared_words(one.view.compared_label)
    return f"{head}: {number} in {metric}{f' ({details})' if details else ''}, mean of {pairs}{_splits(row)}"


def _splits(row: Row) -> str:
    if not row.moves:
        return " of seeds on one split"
    return (
        " of seeds, each on a split of its own"
        if row.moves == SPLITS["outer"]
        else " of seeds, each with its own validation part"
    )


def _quoted(words: str) -> str:
    return f"“{words}”."
