"""Which differences of all tables a report can build on, and each of them in words.

Each table is wrong in 5% of all cases, and of eight tables without any difference one in three studies would show one.
The differences of the whole report are therefore chosen by the false discovery rate: on average, at most 5% of them are
false. A reader of many tables wants to know which differences to build on, and one false among twenty is worth the
power that it saves; a correction that allows none would leave only the largest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, log10

from analysis.frames.evidence import Evidence
from analysis.statistics.comparisons import BETTER, UNCLEAR, WORSE, Comparison
from analysis.statistics.intervals import SIGNIFICANCE, benjamini_hochberg
from analysis.statistics.power import seeds_needed
from analysis.tables.captions import compared_words
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import Line, TableView
from analysis.text import difference_limits, difference_unit, format_number, format_range, heading_within
from tune_jobs.words import signed

# Numbers whose interval is wider than this need no digits after the second of its half-width.
_LARGE = 100.0


@dataclass(frozen=True)
class LevelFound:
    """A level that was compared with its default.

    Attributes:
        holds: whether its difference holds over the whole report.
    """

    view: TableView
    line: Line
    comparison: Comparison
    holds: bool

    @property
    def label(self) -> str:
        """The level's name; of crossed factors with × between them."""
        return " × ".join(self.line.labels)

    @property
    def verdict(self) -> str:
        """The verdict of its table."""
        return self.comparison.verdict

    @property
    def size(self) -> float:
        """How large the difference is; infinite where the verdict rests on seeds that collapsed."""
        if self.comparison.by_share or self.comparison.difference is None:
            return inf
        return abs(self.comparison.difference.mean)

    @property
    def collapse(self) -> str:
        """How many seeds collapsed, where the verdict rests on that, as the rest of a sentence; "" elsewhere."""
        if not self.comparison.by_share or self.comparison.shares is None:
            return ""
        (count, n), (other, of) = self.comparison.shares
        return f"collapses in {count} of {n} seeds, the default in {other} of {of}"

    @property
    def words(self) -> str:
        """The level with its difference: "0.0001 costs 16.6 points (9.3 to 23.9)"."""
        found, view = self.comparison, self.view
        if self.collapse:
            return f"{self.label} {self.collapse}"
        if found.difference is None:
            return f"{self.label} is {found.verdict}"
        low, high = found.difference.low, found.difference.high
        most = (difference_limits(view.unit) or (-inf, inf))[1]
        ends = sorted((min(abs(low), most), min(abs(high), most))) if low is not None and high is not None else []
        half = (ends[1] - ends[0]) / 2 if ends else 0.0
        decimals = difference_decimals(view, half)
        size, *ends = (_rounded_to(value, half) for value in (self.size, *ends))
        number = f"{format_number(size, decimals)} {difference_unit(view.unit)}".rstrip()
        if view.unit == "%" and view.higher_is_better:
            text = f"{'gains' if found.verdict == BETTER else 'costs'} {number}"
        else:
            text = f"is {found.verdict} by {number} in {compared_words(view.compared_label)}"
        return f"{self.label} {text} " + (f"({format_range(ends[0], ends[1], decimals)})" if ends else "in every pair")

    @property
    def amount(self) -> str:
        """The level with its signed difference, whatever the verdict: "128 (+0.4 points, −0.3 to 1.1)"."""
        words = self.collapse or self.signed_words
        if not words:
            return self.label
        return f"{self.label[:-1]}; {words})" if self.label.endswith(")") else f"{self.label} ({words})"

    @property
    def signed_words(self) -> str:
        """The difference with its sign and interval: "+0.4 points, −0.3 to 1.1"; "" where there is none."""
        found, unit = self.comparison.difference, self.view.unit
        if found is None:
            return ""
        half = found.half_width or 0.0
        decimals = difference_decimals(self.view, half)
        number = f"{signed(_rounded_to(found.mean, half), decimals)} {difference_unit(unit)}".rstrip()
        if found.low is None or found.high is None:
            return f"{number} in every pair" if found.n > 1 else number
        low, high = (_rounded_to(end, half) for end in (found.low, found.high))
        return f"{number}, {format_range(low, high, decimals, difference_limits(unit))}"


@dataclass(frozen=True)
class FactorFound:
    """What a table's levels show.

    Attributes:
        name: of the factor, as it stands within a sentence.
        levels: that were compared and tested.
    """

    name: str
    view: TableView
    levels: tuple[LevelFound, ...]

    def of(self, *verdicts: str) -> list[LevelFound]:
        """The levels with one of these verdicts, in the table's order."""
        return [one for one in self.levels if one.verdict in verdicts]

    @property
    def held(self) -> list[LevelFound]:
        """The levels whose difference holds over the whole report, the largest first."""
        return sorted((one for one in self.of(BETTER, WORSE) if one.holds), key=lambda one: -one.size)

    @property
    def alone(self) -> list[LevelFound]:
        """The levels whose difference holds in this table, and not over the whole report."""
        return [one for one in self.of(BETTER, WORSE) if not one.holds]

    @property
    def size(self) -> float:
        """The largest difference that holds, in units of the default's mean where metrics differ."""
        return max((one.size for one in self.held), default=0.0)

    @property
    def replicates(self) -> int:
        """How many replicates the levels were compared with: the fewest."""
        return min((one.comparison.difference.n for one in self.levels if one.comparison.difference), default=0)

    @property
    def default(self) -> str:
        """The label of the default."""
        return next((" × ".join(line.labels) for line in self.view.lines if line.is_default), "")

    def needed(self) -> tuple[str, int] | None:
        """A difference that matters, in words, and how many seeds would show it; None where that is not known.

        It is one point of a percentage, or else the margin within which differences do not matter.
        """
        known = [one.comparison for one in self.of(UNCLEAR) if one.comparison.spread is not None]
        if not known:
            return None
        target = 1.0 if self.view.unit == "%" else _rounded(known[0].margin)
        if not target:
            return None
        seeds = max(
            seeds_needed(target, one.spread or 0.0, one.level, overlap=one.overlap) for one in known if one.spread
        )
        unit = difference_unit(self.view.unit)
        words = "1 point" if self.view.unit == "%" else f"{target:,.6g} {unit}".rstrip()
        return words, seeds


def compared_views(evidence: Evidence, views: Sequence[TableView]) -> list[TableView]:
    """The tables that a study declares: not those of its stages, its search and its final configurations."""
    names = {table.name for table in evidence.study.tables}
    return [view for view in views if view.name in names]


def differences(views: Sequence[TableView]) -> list[FactorFound]:
    """What each table's levels show, the table with the largest difference that holds first.

    Args:
        views: all tables of the report; those in which nothing was tested are left out.
    """
    tested = [
        (view, line, line.comparison, line.comparison.p_value)
        for view in views
        for line in view.lines
        if line.comparison is not None and line.comparison.p_value is not None
    ]
    if not tested:
        return []
    adjusted = benjamini_hochberg([p_value for *_, p_value in tested])
    found: dict[int, list[LevelFound]] = {}
    for (view, line, comparison, _), p_value in zip(tested, adjusted, strict=True):
        found.setdefault(id(view), []).append(LevelFound(view, line, comparison, bool(p_value <= SIGNIFICANCE)))
    names = factor_names(views)
    factors = [FactorFound(names[view.name], view, tuple(found[id(view)])) for view in views if id(view) in found]
    scales = {(view.metric, view.unit) for view in views}
    return sorted(factors, key=lambda one: -one.size / (1.0 if len(scales) == 1 else _scale(one.view)))


def share_of(level: LevelFound) -> float:
    """The size of a difference beside the default's mean, by which differences in several metrics are compared."""
    found = level.comparison.difference
    return 0.0 if found is None else abs(found.mean) / _scale(level.view)


def factor_names(views: Sequence[TableView]) -> dict[str, str]:
    """How each table's factor is called within a sentence, by the table's name.

    Tables of the same factor are called by their titles.
    """
    headings = [view.heading_words for view in views]
    return {view.name: f"“{view.title}”" if headings.count(view.heading_words) > 1 else _factor(view) for view in views}


def difference_decimals(view: TableView, half_width: float) -> int:
    """How many decimals a difference has in a sentence: two digits of the half-width of its interval, or fewer."""
    compared = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    most = view.decimals(compared)
    if not half_width:
        return most
    if view.unit == "%":
        return 1 if half_width >= 0.1 else 2
    return min(max(1 - floor(log10(half_width)), 0), most)


def _factor(view: TableView) -> str:
    return " and ".join(map(heading_within, view.headings))


def _scale(view: TableView) -> float:
    default: Mapping[str, object] | None = next((line.estimates for line in view.lines if line.is_default), None)
    mean = getattr(default.get(COMPARED), "mean", 1.0) if default else 1.0
    return abs(mean) or 1.0


def _rounded_to(value: float, half_width: float) -> float:
    """A large number with no more digits than its interval is worth: two of the half-width."""
    if half_width < _LARGE:
        return value
    step = 10.0 ** (floor(log10(half_width)) - 1)
    return round(value / step) * step


def _rounded(margin: float | None) -> float:
    """A margin with one digit; 0 where there is none."""
    return float(f"{margin:.1g}") if margin else 0.0
