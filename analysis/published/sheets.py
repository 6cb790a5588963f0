"""How a study compares with its published report, as tables, and as lines of text for a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.published.comparison import DIFFERS, NOT_COMPARABLE, ComparedValue
from analysis.published.reproduction import Reproduction
from analysis.published.verdicts import StatementResult
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number, format_range, percent_limits
from tune_jobs.words import signed

_QUANTITIES: Mapping[str, str] = {
    "train_metric": "Train {metric}",
    "validation_metric": "Validation {metric}",
    "test_metric": "Test {metric}",
    "train_loss": "Train loss",
    "validation_loss": "Validation loss",
    "test_loss": "Test loss",
    "train_seconds": "Train time",
}


def comparison_sheet(table: str, reproduction: Reproduction, *, metric: str) -> Sheet | None:
    """The published numbers of a table with ours; None where none is published."""
    lines = [line for line in reproduction.comparison.lines if line.published.table == table]
    if not lines:
        return None
    because = shared_because(lines)
    return Sheet(
        f"{table}-published",
        "Comparison with published results",
        (
            Column("Level", tuple(line.published.level for line in lines), "words"),
            Column("Quantity", tuple(quantity_words(line, metric) for line in lines), "words"),
            Column("Published", tuple(published_words(line) for line in lines)),
            Column("Ours (mean ± 95%)", tuple(_ours(line) for line in lines)),
            Column("Difference", tuple(_difference(line) for line in lines)),
            Column("One new run (95%)", tuple(_interval(line) for line in lines)),
            Column("Verdict", tuple(line.verdict for line in lines), "words"),
            Column("Note", tuple(note_of(line, because) for line in lines), "note"),
        ),
        (
            *([f"All of ours may differ: {because}."] if because else []),
            "“agrees”: the published number lies in the 95% prediction interval of one new run on another split.",
            "Difference: ours minus published.",
            *shift_words(lines, reproduction.comparison.convention),
            *([TOO_WIDE_WORDS] if any(line.too_wide for line in lines) else []),
        ),
    )


TOO_WIDE_WORDS = (
    "An interval is too wide to say much if it contains at least half of the column's other numbers. With fewer than "
    "two others, it is too wide if its half-width exceeds half of the printed number; for an accuracy, half of the "
    "error rate (but never below half a point) or 3 points."
)


def differing_sheet(reproduction: Reproduction, titles: Mapping[str, str], metrics: Mapping[str, str]) -> Sheet | None:
    """The published numbers that differ from ours, each with its reason; None where none does.

    Args:
        reproduction: the comparison to show.
        titles: of the tables, by name.
        metrics: the name of each table's metric.
    """
    lines = [line for line in reproduction.comparison.lines if line.verdict == DIFFERS]
    if not lines:
        return None
    places = [titles.get(line.published.table, line.published.table) for line in lines]
    quantities = [quantity_words(line, metrics.get(line.published.table, "metric")) for line in lines]
    return Sheet(
        "published-differs",
        "Published numbers that differ",
        (
            Column("Table", tuple(places), "words"),
            Column("Level", tuple(line.published.level for line in lines), "words"),
            Column("Quantity", tuple(quantities), "words"),
            Column("Published", tuple(published_words(line) for line in lines)),
            Column("Ours (mean ± 95%)", tuple(_ours(line) for line in lines)),
            Column("One new run (95%)", tuple(_interval(line) for line in lines)),
            Column("Reason", tuple(line.note or "none is known" for line in lines), "note"),
        ),
        ("A number differs where it lies outside the 95% prediction interval of one new run on another split.",),
    )


def statements_sheet(reproduction: Reproduction) -> Sheet | None:
    """Each sentence with its tests, what they found, and the verdict; None without sentences."""
    if not reproduction.statements:
        return None
    return Sheet(
        "statements",
        "Sentences of the report",
        (
            Column("Sentence", tuple(_sentence(result) for result in reproduction.statements), "words"),
            Column("Tested as", tuple(_tested_as(result) for result in reproduction.statements), "words"),
            Column("Found", tuple(_found(result) for result in reproduction.statements), "words"),
            Column("Verdict", tuple(result.verdict_words for result in reproduction.statements), "words"),
        ),
        (
            "A sentence holds where the replicates show all that it says, each part by a one-sided test at 2.5%: the "
            "95% interval printed here lies entirely on the side that the sentence names; for equivalence, entirely "
            "inside the margin (two one-sided tests at 2.5% each).",
            "It is contradicted where they show the contrary of any part, at 2.5% after Holm's correction over the "
            "sentence.",
            "Each sentence is tested on its own at 2.5% one-sided: by chance, about one in forty false sentences would "
            "still hold.",
            "Where the training parts of replicates overlap, intervals and t tests of what is validated are corrected "
            "for it, after Nadeau and Bengio (2003).",
            "A trend is over all its levels; steps between neighbours in the other direction are named.",
        ),
    )


def conventions_sheet(reproduction: Reproduction) -> Sheet | None:
    """How well each convention for writing the loss fits; None where the convention is not in doubt."""
    fits = reproduction.comparison.conventions
    if not fits:
        return None
    sources = tuple(fit.because for fit in fits)
    return Sheet(
        "conventions",
        "Which convention the published losses follow",
        (
            Column("Convention", tuple(fit.name for fit in fits), "words"),
            Column("Added to ours", tuple(format_number(fit.shift, 3) for fit in fits)),
            Column("Agree", tuple(f"{fit.agrees} of {fit.compared}" for fit in fits)),
            Column("Mean distance", tuple(format_number(fit.mean_difference, 3) for fit in fits)),
            *([Column("Where it comes from", sources, "words")] if any(sources) else []),
        ),
    )


def lines_in_words(reproduction: Reproduction, metrics: Mapping[str, str]) -> list[str]:
    """A line of text for each published number that can be compared, in columns, for a terminal.

    Args:
        reproduction: the comparison to show.
        metrics: the name of each table's metric.
    """
    compared = [line for line in reproduction.comparison.lines if line.verdict != NOT_COMPARABLE]
    if not compared:
        return []
    rows = [("Table, level", "Quantity", "Published", "Ours", "Difference", "Verdict")]
    for line in compared:
        place = f"{line.published.table}, {line.published.level}"
        quantity = quantity_words(line, metrics.get(line.published.table, "metric"))
        rows.append((place, quantity, published_words(line), _ours(line), _difference(line), line.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = [
        "  ".join(
            cell.rjust(width) if 2 <= i <= 4 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [text.rstrip() for text in aligned]


def quantity_words(line: ComparedValue, metric: str) -> str:
    """Name a quantity that was printed, with its unit: "Validation accuracy (%)"."""
    words = _QUANTITIES[line.published.quantity].format(metric=metric.lower() if metric.istitle() else metric)
    return f"{words} ({line.unit})" if line.unit else words


def _decimals(line: ComparedValue) -> int:
    """The decimals that our numbers are shown with: at least two, none for large numbers."""
    return 0 if abs(line.published.value) >= 1000 else max(line.published.decimals, 2)


def published_words(line: ComparedValue) -> str:
    """Write a number as it was printed."""
    return format_number(line.published.value, line.published.decimals)


def _ours(line: ComparedValue) -> str:
    return format_estimate(line.estimate, _decimals(line), percent_limits(line.unit))


def _difference(line: ComparedValue) -> str:
    if line.difference is None:
        return NO_VALUE
    return signed(line.difference, _decimals(line))


def _interval(line: ComparedValue) -> str:
    if line.half_width is None or line.estimate is None:
        return NO_VALUE
    low, high = line.estimate.mean - line.half_width, line.estimate.mean + line.half_width
    return format_range(low, high, _decimals(line), percent_limits(line.unit))


def shift_words(lines: Sequence[ComparedValue], convention: str) -> list[str]:
    """Say what was added to our losses, where something was."""
    shifts = [line.shift for line in lines if line.shift and line.estimate is not None]
    if not shifts:
        return []
    return [
        f"Our losses are shown with {format_number(shifts[0], 4)} added, to match the report's convention: "
        f"{convention}."
    ]


def shared_because(lines: Sequence[ComparedValue]) -> str:
    """The reason to differ that all lines give, alone or before a reason of the line; "" where they share none."""
    shortest = min((line.published.because for line in lines), key=len)
    shared = all(f"{line.published.because}; ".startswith(f"{shortest}; ") for line in lines)
    return shortest if shared and len(lines) > 1 else ""


def note_of(line: ComparedValue, because: str) -> str:
    """What a reader must know about a verdict, without the reason that all numbers of the table share."""
    left = line.published.because
    if because:
        left = left.removeprefix(because).removeprefix("; ")
    return replace(line, published=replace(line.published, because=left)).note


def _sentence(result: StatementResult) -> str:
    return f"“{result.statement.quote}”"


def _tested_as(result: StatementResult) -> str:
    says = f"{result.statement.says}: " if result.statement.says else ""
    return says + "; ".join(check.words for check in result.checks) if result.checks else NO_VALUE


def _found(result: StatementResult) -> str:
    parts = ["; ".join(check.effects) or check.reason for check in result.checks]
    because = [result.statement.because] if result.statement.because else []
    return ". ".join(part for part in ["; ".join(filter(None, parts)), *because] if part) or NO_VALUE
