"""What all tables of a report show together, for its first screen.

Each table is wrong in 5% of all cases, and of eight tables without any difference one in three studies would show one.
The findings of the whole report are therefore chosen by the false discovery rate: on average, at most 5% of them are
false. A reader of many tables wants to know which differences to build on, and one false among twenty is worth the
power that it saves; a correction that allows none would leave only the largest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.comparisons import BETTER, WORSE, Comparison
from analysis.statistics.intervals import SIGNIFICANCE, benjamini_hochberg
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import QUANTITIES, TableView
from analysis.text import difference_unit
from tune_jobs.words import counted, signed

_QUANTITY = next(quantity for quantity in QUANTITIES if quantity.name == COMPARED)


@dataclass(frozen=True)
class _Tested:
    view: TableView
    level: str
    comparison: Comparison

    @property
    def words(self) -> str:
        """The level with its difference: "Learning rate 0.1: worse, −5.00 points"."""
        found = self.comparison
        text = f"{self.view.title}, {self.level}: {found.verdict}"
        if found.by_share or found.difference is None:
            return f"{text} (collapses)"
        number = signed(found.difference.mean, self.view.decimals(_QUANTITY))
        return f"{text}, {number} {difference_unit(self.view.unit)}".rstrip()


def findings(views: Sequence[TableView]) -> list[str]:
    """Say which differences hold over all tables together; nothing where none was tested.

    Args:
        views: all tables of the report.
    """
    tested = [
        (_Tested(view, ", ".join(line.labels), line.comparison), line.comparison.p_value)
        for view in views
        for line in view.lines
        if line.comparison is not None and line.comparison.p_value is not None
    ]
    if not tested:
        return []
    adjusted = benjamini_hochberg([p_value for _, p_value in tested])
    shown = [one for one, _ in tested if one.comparison.verdict in (BETTER, WORSE)]
    held = [
        one
        for (one, _), p_value in zip(tested, adjusted, strict=True)
        if p_value <= SIGNIFICANCE and one.comparison.verdict in (BETTER, WORSE)
    ]
    tables = counted(len({id(one.view) for one, _ in tested}), "table")
    head = f"Over {counted(len(tested), 'comparison')} in {tables}"
    if not held:
        return [f"{head}, no difference holds for the report as a whole.", *_only_in_tables(shown)]
    words = "; ".join(one.words for one in held)
    return [
        f"{head}, {counted(len(held), 'difference')} can be built on: {words}. On average, at most {SIGNIFICANCE:.0%} "
        "of them are false (Benjamini and Hochberg, 1995); each table has its own chance of error beside that.",
        *_only_in_tables([one for one in shown if one not in held]),
    ]


def _only_in_tables(left: Sequence[_Tested]) -> list[str]:
    if not left:
        return []
    words = "; ".join(one.words for one in left)
    return [f"Shown in a table, but not over all of them: {words}."]
