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
from analysis.report.defaults import default_sentences
from analysis.report.difference_sentences import difference_sentences
from analysis.report.differences import FactorFound, compared_views, differences, factor_names
from analysis.report.path_findings import path_sentences
from analysis.report.quoting import quote_sentences
from analysis.report.summary import not_as_planned
from analysis.tables.building import build_table
from analysis.tables.captions import compared_words
from analysis.tables.comparing import COMPARED
from analysis.tables.confirming import confirmation_sentences
from analysis.tables.tables import TableView
from analysis.text import format_number


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
        default: the default configuration in full.
        quote: the first of the differences with all that it takes to quote it.
        why: why the next command is worth running; "" without one.
        next: that command, as it stands; "" where none is worth it.
    """

    matters: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    use: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    quote: tuple[str, ...] = ()
    why: str = ""
    next: str = ""

    @property
    def sentences(self) -> list[str]:
        """All of them, in the order in which a reader asks: one for each factor, then one for each other question."""
        command = [f"Next: {words}" for words in self._command]
        quote = [f"To quote: {words}" for words in self.quote]
        rest = ((*self.use, *self.default), quote, self.test, self.published, self.endings, self.cost)
        return [*self.matters, *(" ".join(part) for part in rest if part), *command]

    @property
    def answers(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The same for a page: each question's name, its heading, and its sentences; those without an answer left out.

        The first finding is an answer by itself: it leads the page.
        """
        found = (
            ("found", "Found", self.matters[:1]),
            ("more", "", self.matters[1:]),
            ("use", "Use", (*self.use, *self.default)),
            ("cost", "Cost", self.cost),
            ("quote", "To quote", self.quote),
            ("test", "Test set", self.test),
            ("published", "Published", self.published),
            ("endings", "Endings", self.endings),
            ("next", "Next", self._command),
        )
        return [answer for answer in found if answer[2]]

    @property
    def _command(self) -> tuple[str, ...]:
        return (f"`{self.next}` {self.why}.",) if self.next else ()


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
        default=tuple(default_sentences(evidence)),
        quote=tuple(quote_sentences(evidence, factors)),
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


def _confirmed(evidence: Evidence, views: Sequence[TableView]) -> list[str]:
    by_name = {view.name: view for view in views}
    return [
        sentence
        for table in evidence.study.tables
        if table.name in evidence.standing.picks and table.name in by_name
        for sentence in confirmation_sentences(table, by_name[table.name], evidence)
    ]
