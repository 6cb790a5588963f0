"""A study beside the report that it reproduces: what is compared, as tables and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import correlation_frame, gaussian_replicates
from analysis.frames.test_results import tests_frame
from analysis.published.comparison import ComparedValue, Comparison, Counts, compare, count
from analysis.published.published import Published, load_published
from analysis.published.statements import StatementResult, count_verdicts, judge
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number, format_range, percent_limits

_QUANTITIES: Mapping[str, str] = {
    "train_metric": "Train {metric}",
    "validation_metric": "Validation {metric}",
    "test_metric": "Test {metric}",
    "train_loss": "Train loss",
    "validation_loss": "Validation loss",
    "test_loss": "Test loss",
    "train_seconds": "Train time",
}
_RISES = "rises_with"


@dataclass(frozen=True)
class Beside:
    """What was published and what the study says of it.

    Attributes:
        statements: what the replicates say of each sentence; empty where the study was varied or cut short.
    """

    published: Published
    comparison: Comparison
    statements: Sequence[StatementResult]

    @property
    def counts(self) -> Counts:
        """How many printed numbers agree."""
        return count(self.comparison.lines)


def set_beside(evidence: Evidence) -> Beside | None:
    """Return the study beside its published numbers; None where there are none.

    Raises:
        UserError: the file with the published numbers is not as it must be.
    """
    study = evidence.study
    published = load_published(study)
    if published is None:
        return None
    tests = tests_frame(evidence.own_openings())
    comparison = compare(published, study=study, rows=evidence.standing.rows, trials=evidence.trials, tests=tests)
    if study.overrides or study.fraction < 1:
        return Beside(published, comparison, ())
    results = judge(
        published.statements,
        rows=evidence.standing.rows,
        trials=evidence.trials,
        tests=tests,
        correlations=_correlations(published, evidence),
    )
    return Beside(published, comparison, results)


def comparison_sheet(table: str, beside: Beside, *, metric: str) -> Sheet | None:
    """Return the published numbers of a table beside ours; None where none is published."""
    lines = [line for line in beside.comparison.lines if line.published.table == table]
    if not lines:
        return None
    because = _shared_because(lines)
    return Sheet(
        f"{table}-published",
        "Beside the published numbers",
        (
            Column("Level", tuple(line.published.level for line in lines), "words"),
            Column("Quantity", tuple(_quantity(line, metric) for line in lines), "words"),
            Column("Published", tuple(_published(line) for line in lines)),
            Column("Ours (mean ± 95%)", tuple(_ours(line) for line in lines)),
            Column("Difference", tuple(_difference(line) for line in lines)),
            Column("One new run (95%)", tuple(_interval(line) for line in lines)),
            Column("Verdict", tuple(line.verdict for line in lines), "words"),
            Column("Note", tuple(_note(line, because) for line in lines), "note"),
        ),
        (
            *([f"Ours may differ throughout: {because}."] if because else []),
            "“agrees”: the published value lies in the 95% prediction interval of one new run on another split.",
            "Difference: ours minus published.",
            *_shift_words(lines, beside.comparison.convention),
            *([_WIDE_WORDS] if any(line.too_wide for line in lines) else []),
        ),
    )


def counts_in_words(beside: Beside) -> list[str]:
    """Return how many numbers agree, differ and cannot be compared, and how many sentences hold."""
    counts = beside.counts
    reasons = sorted((counts.not_comparable or {}).items(), key=lambda item: (-item[1], item[0]))
    why = f" ({', '.join(f'{number} {reason}' for reason, number in reasons)})" if reasons else ""
    wide = f" ({counts.too_wide} of them in an interval that is too wide to say much)"
    words = [
        f"Of {_counted(counts.total, 'published number')}, {_many(counts.agrees, 'agrees')}"
        f"{wide if counts.too_wide else ''}, {_many(counts.differs, 'differs')}, "
        f"{_many(sum(number for _, number in reasons), 'is not comparable')}{why}."
    ]
    if counts.repeats:
        words.append(f"{_many(counts.repeats, 'repeats')} a number that is printed before, of the same trials.")
    if beside.comparison.convention_words:
        words.append(beside.comparison.convention_words)
    if beside.statements:
        held = count_verdicts(beside.statements)
        listed = ", ".join(_many(number, _VERBS.get(verdict, verdict)) for verdict, number in held.items() if number)
        words.append(f"Of {_counted(len(beside.statements), 'sentence')}: {listed}.")
    return words


_WIDE_WORDS = (
    "An interval is too wide to say much where it takes in at least half of the column's other numbers; of fewer than "
    "two others, where its half-width is above half of the printed number, of an accuracy above half of the error rate "
    "(and half a point) or above 3 points."
)
_VERBS = {"contradicted": "is contradicted", "not tested": "is not tested"}
_PLURAL = {"agrees": "agree", "differs": "differ", "repeats": "repeat", "holds": "hold", "is": "are"}


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _many(number: int, words: str) -> str:
    """Return a number with words of which the first is a verb for one: "2 are not tested"."""
    verb, *rest = words.split()
    return " ".join([str(number), verb if number == 1 else _PLURAL.get(verb, verb), *rest])


def statements_sheet(beside: Beside) -> Sheet | None:
    """Return each sentence with how it was tested, what was found, and the verdict; None without sentences."""
    if not beside.statements:
        return None
    return Sheet(
        "statements",
        "Sentences of the report",
        (
            Column("Sentence", tuple(_sentence(result) for result in beside.statements), "words"),
            Column("Tested as", tuple(_tested_as(result) for result in beside.statements), "words"),
            Column("Found", tuple(_found(result) for result in beside.statements), "words"),
            Column("Verdict", tuple(result.verdict_words for result in beside.statements), "words"),
        ),
        (
            "A sentence holds where the replicates show all that it says, each by a one-sided test at 2.5%: where the "
            "95% interval printed here lies wholly on the side that it names; for equivalence, wholly inside the "
            "margin (two one-sided tests at 2.5% each).",
            "It is contradicted where they show the contrary of any of it, at 2.5% after Holm's correction over the "
            "sentence.",
            "Each sentence is tested by itself at 2.5% one-sided, so that about one in forty sentences that are false "
            "would still hold by chance.",
            "A trend is that over all its levels; steps between neighbours that go the other way are named.",
        ),
    )


def conventions_sheet(beside: Beside) -> Sheet | None:
    """Return how well the ways to write a loss fit; None where that is not in doubt."""
    fits = beside.comparison.conventions
    if not fits:
        return None
    sources = tuple(fit.because for fit in fits)
    return Sheet(
        "conventions",
        "How the losses may have been written",
        (
            Column("Convention", tuple(fit.name for fit in fits), "words"),
            Column("Added to ours", tuple(format_number(fit.shift, 3) for fit in fits)),
            Column("Agree", tuple(f"{fit.agrees} of {fit.compared}" for fit in fits)),
            Column("Mean distance", tuple(format_number(fit.mean_difference, 3) for fit in fits)),
            *([Column("Where it comes from", sources, "words")] if any(sources) else []),
        ),
    )


def lines_in_words(beside: Beside, metrics: Mapping[str, str]) -> list[str]:
    """Return a line of text for each published number, in columns, for a terminal.

    Args:
        beside: to show.
        metrics: what each table's metric is called.
    """
    rows = [("Table, level", "Quantity", "Published", "Ours", "Difference", "Verdict")]
    for line in beside.comparison.lines:
        place = f"{line.published.table}, {line.published.level}"
        quantity = _quantity(line, metrics.get(line.published.table, "metric"))
        rows.append((place, quantity, _published(line), _ours(line), _difference(line), line.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = [
        "  ".join(
            cell.rjust(width) if 2 <= i <= 4 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [text.rstrip() for text in aligned]


def _correlations(published: Published, evidence: Evidence) -> pd.DataFrame:
    tables = {
        place.table
        for statement in published.statements
        for check in statement.checks
        if check.kind == _RISES
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


def _quantity(line: ComparedValue, metric: str) -> str:
    words = _QUANTITIES[line.published.quantity].format(metric=metric.lower() if metric.istitle() else metric)
    return f"{words} ({line.unit})" if line.unit else words


def _decimals(line: ComparedValue) -> int:
    """Return with how many decimals our numbers are shown: two at least, but for large ones."""
    return 0 if abs(line.published.value) >= 1000 else max(line.published.decimals, 2)


def _published(line: ComparedValue) -> str:
    return format_number(line.published.value, line.published.decimals)


def _ours(line: ComparedValue) -> str:
    return format_estimate(line.estimate, _decimals(line), percent_limits(line.unit))


def _difference(line: ComparedValue) -> str:
    if line.difference is None:
        return NO_VALUE
    return ("+" if line.difference > 0 else "") + format_number(line.difference, _decimals(line))


def _interval(line: ComparedValue) -> str:
    if line.half_width is None or line.estimate is None:
        return NO_VALUE
    low, high = line.estimate.mean - line.half_width, line.estimate.mean + line.half_width
    return format_range(low, high, _decimals(line), percent_limits(line.unit))


def _shift_words(lines: Sequence[ComparedValue], convention: str) -> list[str]:
    """Return what was added to our losses, in a sentence, where something was."""
    shifts = [line.shift for line in lines if line.shift and line.estimate is not None]
    if not shifts:
        return []
    return [
        f"Our losses are shown with {format_number(shifts[0], 4)} added, to be written as the report's: {convention}."
    ]


def _shared_because(lines: Sequence[ComparedValue]) -> str:
    """Return the reason to differ that all lines give, alone or before one of their own; empty where there is none."""
    shortest = min((line.published.because for line in lines), key=len)
    shared = all(f"{line.published.because}; ".startswith(f"{shortest}; ") for line in lines)
    return shortest if shared and len(lines) > 1 else ""


def _note(line: ComparedValue, because: str) -> str:
    own = line.published.because
    if because:
        own = own.removeprefix(because).removeprefix("; ")
    return replace(line, published=replace(line.published, because=own)).note


def _sentence(result: StatementResult) -> str:
    return f"“{result.statement.quote}”"


def _tested_as(result: StatementResult) -> str:
    says = f"{result.statement.says}: " if result.statement.says else ""
    return says + "; ".join(check.words for check in result.checks) if result.checks else NO_VALUE


def _found(result: StatementResult) -> str:
    parts = ["; ".join(check.effects) or check.reason for check in result.checks]
    because = [result.statement.because] if result.statement.because else []
    return ". ".join(part for part in ["; ".join(filter(None, parts)), *because] if part) or NO_VALUE
