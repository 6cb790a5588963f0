"""Tables of what a search says about its parameters: importance, ranges that may end too soon, interactions."""

from collections.abc import Mapping, Sequence

from analysis.frames.search_frames import Goal
from analysis.statistics.edges import LOW, Edge
from analysis.statistics.interaction import DEPENDS, Change, Interaction
from analysis.statistics.words import format_difference
from analysis.tables.captions import OVERLAP_WORDS, judging_words
from analysis.tables.sheet import Column, Sheet
from analysis.text import format_number, format_p
from tune_jobs.standing.search.importance import Effect, Importance
from tune_jobs.words import counted

_DIGITS = 3


def importance_sheet(found: Importance, effects: Sequence[Effect], labels: Mapping[tuple[int, ...], str]) -> Sheet:
    """The shares of the variance, in the order given.

    Args:
        found: of `functional_anova`.
        effects: those to show.
        labels: of each effect, by its columns.
    """
    left = len(found.mains) + len(found.pairs) - len(effects)
    rest = f" Left out: {counted(left, 'pair')} with smaller shares." if left else ""
    return Sheet(
        "search-importance",
        "Shares of the variance",
        (
            Column("Parameter", tuple(labels[effect.columns] for effect in effects), "words"),
            Column("Share (%)", tuple(_percent(effect.share) for effect in effects)),
            Column("95% interval", tuple(f"{_percent(e.low)} to {_percent(e.high)}" for e in effects)),
            Column("Null band up to", tuple(_percent(effect.null_high) for effect in effects)),
            Column("p", tuple(format_p(effect.p_value) for effect in effects)),
            Column(
                "Verdict",
                tuple("above the null band" if effect.shown else "within the null band" for effect in effects),
                "words",
            ),
        ),
        (
            f"Interactions of three or more parameters: {_percent(found.rest)}%.{rest} Intervals: {found.resamples} "
            f"resamples of the trials; null bands and p values: {found.permutations} permutations, corrected over all "
            "parameters or all pairs. The share of a pair is what the two do beyond the sum of each alone.",
        ),
    )


def _percent(share: float) -> str:
    return format_number(100 * share, 1)


def share_words(share: float) -> str:
    """Write a share in percent; a share above 0 is never written as 0."""
    return "< 0.1%" if 0 < share < 0.0005 else f"{_percent(share)}%"


def edges_sheet(found: Sequence[Edge], ranges: Mapping[str, str], labels: Mapping[str, str]) -> Sheet:
    """Ranges with good values at an end, each with a wider range to paste into the study.

    Args:
        found: of `analysis.statistics.edges.edges`.
        ranges: the wider range as YAML, by parameter.
        labels: of the parameters.
    """
    return Sheet(
        "search-edges",
        "Ranges that may end too soon",
        (
            Column("Parameter", tuple(labels[edge.parameter.name] for edge in found), "words"),
            Column("End", tuple(f"{edge.side}, {_end(edge):g}" for edge in found)),
            Column("Best trial", tuple(f"{edge.best:.{_DIGITS}g}" for edge in found)),
            Column("Median of the top", tuple(f"{edge.top_median:.{_DIGITS}g} of {edge.top}" for edge in found)),
            Column("p (Holm)", tuple(format_p(edge.adjusted_p) for edge in found)),
            Column(
                "In the study's space, write",
                tuple(ranges[edge.parameter.name] or "nothing: the field ends here" for edge in found),
                "words",
            ),
        ),
        ("p: that the top trials lie no nearer to this end than the others, corrected over both ends of all ranges.",),
    )


def _end(edge: Edge) -> float:
    return edge.parameter.low if edge.side == LOW else edge.parameter.high


def pairs_sheet(found: Sequence[Interaction], goal: Goal) -> Sheet:
    """The 2 × 2 factorials: the gain of the first change with and without the second."""
    means = [cell.mean for pair in found for cell in pair.cells.values() if cell is not None]
    decimals = goal.decimals(means[0] if means else 0.0)
    margin = next((pair.comparison.margin for pair in found if pair.comparison is not None), None)
    of = f" ({goal.difference_unit})" if goal.difference_unit else ""
    return Sheet(
        "search-pairs",
        "Does a gain depend on another factor?",
        (
            Column("First change", tuple(_change(pair.first) for pair in found), "words"),
            Column("Second change", tuple(_change(pair.second) for pair in found), "words"),
            Column(f"Gain with second{of}", tuple(format_difference(pair.beside, decimals) for pair in found)),
            Column(f"Gain without{of}", tuple(format_difference(pair.without, decimals) for pair in found)),
            Column(f"They differ by{of}", tuple(format_difference(pair.contrast, decimals) for pair in found)),
            Column("p (Holm)", tuple(format_p(pair.adjusted_p) for pair in found)),
            Column("Verdict", tuple(pair.verdict for pair in found), "words"),
            Column("Note", tuple(_joined(pair.ended, pair.collapse).replace("`", "") for pair in found), "note"),
        ),
        (
            "All other settings are the winner's. Gains are those of the first change, with and without the second, "
            f"paired by seed, with plain 95% intervals. “{DEPENDS}”: that the gains differ is shown. "
            f"{judging_words('pairs', margin, goal.difference_unit)}{OVERLAP_WORDS}",
        ),
    )


def _change(change: Change) -> str:
    return f"{change.name}: {change.before} → {change.after}"


def _joined(*words: str) -> str:
    return "; ".join(word for word in words if word)
