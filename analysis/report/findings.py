"""What a report found, in plain sentences: the same at the top of the page, in LaTeX, Markdown and on a terminal.

`findings_of(gather(standing))` is the way in; it draws nothing. No sentence is stronger than the verdicts: which
differences hold is decided over the whole report (`analysis.report.differences`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames.evidence import Evidence, all_tables
from analysis.published.reproduction import Reproduction, counts_line, reproduction_of
from analysis.report.account import cost_sentences, ending_sentences, test_sentences
from analysis.report.advice import advice_of
from analysis.report.differences import FactorFound, LevelFound, compared_views, differences, factor_names
from analysis.report.path_findings import path_sentences
from analysis.report.summary import not_as_planned
from analysis.statistics.comparisons import EQUAL, UNCLEAR, seeds_words
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.power import MOST_SEEDS
from analysis.tables.captions import compared_words
from analysis.tables.comparing import COMPARED
from analysis.tables.confirming import confirmation_sentences
from analysis.tables.tables import TableView, build_table
from analysis.text import format_number
from tune_jobs.words import counted

# So many factors with a difference get a sentence each, and so many without one.
_MOST_HELD, _MOST_UNCLEAR = 6, 3
# So many levels of a factor are named, and so many factors in a list.
_MOST_LEVELS, _MOST_NAMES = 3, 8


@dataclass(frozen=True)
class Findings:
    """What a report found, in plain sentences by question.

    Attributes:
        matters: which factors matter, the largest difference first, and which show no clear difference.
        endings: what did not end as planned.
        test: how often the test set was opened, and what it said.
        published: how the study compares with the published report.
        cost: trainings and time.
        use: which configuration to use.
        why: why the next command is worth running; "" without one.
        next: that command, as it stands; "" where none is worth it.
    """

    matters: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    use: tuple[str, ...] = ()
    why: str = ""
    next: str = ""

    @property
    def sentences(self) -> list[str]:
        """All of them, in the order in which a reader asks: one for each factor, then one for each other question."""
        command = [f"Next: `{self.next}` {self.why}."] if self.next else []
        rest = (self.use, self.test, self.published, self.endings, self.cost)
        return [*self.matters, *(" ".join(part) for part in rest if part), *command]


def findings_of(
    evidence: Evidence,
    views: Sequence[TableView] | None = None,
    reproduction: Reproduction | None = None,
    factors: Sequence[FactorFound] | None = None,
) -> Findings:
    """Say what a study found.

    Args:
        evidence: what the ledger knows of the study.
        views: its tables, if they are built already.
        reproduction: of `reproduction_of`, if it is known already.
        factors: of `differences` over the study's own tables, if they are known already.
    """
    views = views_of(evidence) if views is None else views
    if reproduction is None:
        reproduction = reproduction_of(evidence)
    tables = compared_views(evidence, views)
    factors = differences(tables) if factors is None else factors
    advice = advice_of(evidence, factors)
    return Findings(
        matters=(*_matters(factors, tables, evidence), *path_sentences(evidence)),
        endings=tuple(ending_sentences(not_as_planned(views, evidence.trials), views)),
        test=tuple(test_sentences(evidence)),
        published=() if reproduction is None else (counts_line(reproduction),),
        cost=tuple(cost_sentences(evidence)),
        use=(*advice.use, *_confirmed(evidence, views)),
        why=advice.why,
        next=advice.command,
    )


def views_of(evidence: Evidence) -> list[TableView]:
    """Build the tables of a study as far as they are known, in the order of the report."""
    looks, known = evidence.standing.looks, {row.table for row in evidence.standing.rows}
    plan = () if looks is None else looks.plan
    return [
        build_table(table, evidence.rows_of(table.name), evidence.trials, seeds=evidence.standing.seeds, looks=plan)
        for table in all_tables(evidence.study)
        if table.name in known
    ]


def difference_sentences(factors: Sequence[FactorFound]) -> list[str]:
    """Say what all tables show together, the largest difference first.

    Args:
        factors: of `differences`.
    """
    if not factors:
        return []
    held = [one for one in factors if one.held]
    left = [one for one in factors if not one.held]
    sentences = [_held_sentence(one, _leads(one, factors)) for one in held[:_MOST_HELD]]
    if held[_MOST_HELD:]:
        sentences.append(f"Smaller differences hold in {counted(len(held) - _MOST_HELD, 'more table')}.")
    if not held:
        tests = counted(sum(len(one.levels) for one in factors), "comparison")
        sentences.append(f"No difference holds over the {tests} of this report.")
    sentences += _left_sentences(left)
    if held:
        sentences.append(_chance_sentence(factors))
    return sentences


def _matters(factors: Sequence[FactorFound], views: Sequence[TableView], evidence: Evidence) -> list[str]:
    quick = []
    if evidence.study.fraction < 1:
        quick = [f"A quick look at {evidence.study.fraction:.0%} of the epochs: nothing here is a result of the study."]
    return [*quick, *(difference_sentences(factors) or _single_sentences(views))]


def _single_sentences(views: Sequence[TableView]) -> list[str]:
    """Say which level looks best where nothing can be tested."""
    lines = [
        (view, line) for view in views for line in view.lines if COMPARED in line.estimates and len(view.lines) > 1
    ]
    if not lines:
        return []
    first = lines[0][0]
    same = [(view, line) for view, line in lines if (view.metric, view.unit) == (first.metric, first.unit)]
    sign = 1 if first.higher_is_better else -1
    view, line = max(same, key=lambda pair: sign * pair[1].estimates[COMPARED].mean)
    quantity = next(one for one in view.measured if one.name == COMPARED)
    unit = "%" if view.unit == "%" else f" {view.unit}" if view.unit else ""
    value = format_number(line.estimates[COMPARED].mean, view.decimals(quantity)) + unit
    why = "No level can be compared with a default." if view.replicated else ""
    return [
        f"{why or 'With one seed no difference can be told from chance.'} The best "
        f"{compared_words(view.compared_label)} seen is {value} ({_factor_words(view)} {' × '.join(line.labels)}), "
        "which looks better than it is because it is picked."
    ]


def _factor_words(view: TableView) -> str:
    return factor_names([view])[view.name]


def _leads(one: FactorFound, factors: Sequence[FactorFound]) -> str:
    """How a factor's sentence begins: that it matters most is said only where no other may matter as much."""
    scales = {(factor.view.metric, factor.view.unit) for factor in factors}
    if one is not factors[0] or len(factors) == 1 or len(scales) > 1:
        return _name(one)
    others = [level for other in factors[1:] for level in other.levels]
    first = one.held[0].comparison.difference
    if first is None or first.low is None or first.high is None or one.held[0].comparison.by_share:
        return f"{_name(one)} shows the largest difference"
    least = min(abs(first.low), abs(first.high))
    most = max((_farthest(level) for level in others), default=0.0)
    return f"{_name(one)} matters most" if least > most else f"{_name(one)} shows the largest difference"


def _farthest(level: LevelFound) -> float:
    found = level.comparison.difference
    if found is None or found.low is None or found.high is None:
        return float("inf") if found is None else abs(found.mean)
    return max(abs(found.low), abs(found.high))


def _held_sentence(one: FactorFound, lead: str) -> str:
    named = [level.words for level in one.held[:_MOST_LEVELS]]
    if len(one.held) > _MOST_LEVELS:
        named.append(f"{len(one.held) - _MOST_LEVELS} more levels differ by less")
    return f"{lead}: {'; '.join([_listed(named), *_rest(one)])}."


def _rest(one: FactorFound) -> list[str]:
    """Clauses on the levels of a factor whose difference does not hold over the report."""
    clauses = []
    if one.alone:
        clauses.append(f"{_listed([level.words for level in one.alone])} in this table alone")
    if equal := one.of(EQUAL):
        clauses.append(f"{_labels(equal)} practically equal to {one.default}")
    if unclear := one.of(UNCLEAR):
        clauses.append(f"no clear difference for {_labels(unclear)}")
    return clauses


def _left_sentences(left: Sequence[FactorFound]) -> list[str]:
    """Sentences on factors without a difference that holds over the report."""
    sentences = []
    if alone := [one for one in left if one.alone]:
        words = "; ".join(f"{one.name}: {_listed([level.words for level in one.alone])}" for one in alone)
        sentences.append(f"Shown in its own table, but not over the whole report: {words}.")
    unclear = [one for one in left if not one.alone and one.of(UNCLEAR)]
    if len(unclear) <= _MOST_UNCLEAR:
        sentences += [f"{_name(one)}: {'; '.join(_unclear_clauses(one))}." for one in unclear]
    else:
        counts = {one.replicates for one in unclear}
        names = [one.name for one in unclear]
        where = _listed(names) if len(names) <= _MOST_NAMES else f"{len(names)} tables"
        sentences.append(f"No clear difference with {_range(sorted(counts))} seeds: {where}.")
        sentences += _needed_sentence(unclear)
    equal = [one for one in left if not one.alone and not one.of(UNCLEAR) and one.of(EQUAL)]
    if equal:
        names = [one.name for one in equal]
        where = _listed(names) if len(names) <= _MOST_NAMES else f"{len(names)} tables"
        sentences.append(f"All levels practically equal to the default: {where}.")
    return sentences


def _unclear_clauses(one: FactorFound) -> list[str]:
    unclear, needed = one.of(UNCLEAR), one.needed()
    seeds = f" with {counted(one.replicates, 'seed')}" if one.replicates else ""
    clauses = [f"no clear difference between {_with_default(one, unclear)}{seeds}"]
    if needed is not None:
        words, count = needed
        told = "would have shown" if count <= one.replicates else f"would have needed about {seeds_words(count)}"
        if count > MOST_SEEDS:
            told = told.replace("about ", "")
        clauses.append(f"a difference of {words} {told}")
    if equal := one.of(EQUAL):
        clauses.append(f"{_labels(equal)} practically equal to {one.default}")
    return clauses


def _with_default(one: FactorFound, levels: Sequence[LevelFound]) -> str:
    """List levels and the default in the table's order; the default and the others where they are many."""
    if len(levels) > _MOST_LEVELS:
        return f"{one.default} and {_labels(levels)}"
    named = {one.default, *(level.label for level in levels)}
    return _listed([label for line in one.view.lines if (label := " × ".join(line.labels)) in named])


def _needed_sentence(unclear: Sequence[FactorFound]) -> list[str]:
    known = [needed for one in unclear if (needed := one.needed()) is not None]
    if not known or len({words for words, _ in known}) > 1:
        return []
    counts = sorted(count for _, count in known)
    end = f"more than {MOST_SEEDS:,}" if counts[-1] > MOST_SEEDS else str(counts[-1])
    between = end if len(set(counts)) == 1 else f"{counts[0]} to {end}"
    return [f"There a difference of {known[0][0]} needs {between} seeds."]


def _chance_sentence(factors: Sequence[FactorFound]) -> str:
    tests = sum(len(one.levels) for one in factors)
    tables = counted(len(factors), "table")
    return (
        f"Over {counted(tests, 'comparison')} in {tables}, on average at most {SIGNIFICANCE:.0%} of the differences "
        "named first are false (Benjamini and Hochberg, 1995)."
    )


def _confirmed(evidence: Evidence, views: Sequence[TableView]) -> list[str]:
    by_name = {view.name: view for view in views}
    return [
        sentence
        for table in evidence.study.tables
        if table.name in evidence.standing.picks and table.name in by_name
        for sentence in confirmation_sentences(table, by_name[table.name], evidence)
    ]


def _name(one: FactorFound) -> str:
    return one.name[:1].upper() + one.name[1:]


def _labels(levels: Sequence[LevelFound]) -> str:
    names = [level.label for level in levels]
    more = len(names) - _MOST_LEVELS
    return _listed(names) if more < 2 else _listed([*names[:_MOST_LEVELS], f"{more} more levels"])


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else "".join(words)


def _range(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
