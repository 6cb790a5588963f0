"""What a report printed, beside the numbers of a study's own table: columns with a mark for each verdict."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from analysis.published.comparison import AGREES, DIFFERS, ComparedValue
from analysis.published.reproduction import Reproduction
from analysis.published.sheets import (
    TOO_WIDE_WORDS,
    note_of,
    published_words,
    quantity_words,
    shared_because,
    shift_words,
)
from analysis.tables.captions import Said
from analysis.tables.sheet import Column
from analysis.tables.tables import PUBLISHED_NOTE, Line, TableView

AGREES_MARK, WIDE_MARK, DIFFERS_MARK = "≈", "(≈)", "≠"


def with_published(view: TableView, reproduction: Reproduction) -> TableView:
    """Add what was printed of a table to its rows: a column for each quantity, and notes where a number differs."""
    lines = [line for line in reproduction.comparison.lines if line.published.table == view.name]
    if not lines:
        return view
    because = shared_because(lines)
    by_place = {(line.published.level, line.published.quantity): line for line in lines}
    quantities = dict.fromkeys(line.published.quantity for line in lines)
    columns = {
        quantity: Column(
            f"Published {_heading(quantity, lines, view)}",
            tuple(_cell(by_place.get((_level(line), quantity))) for line in view.lines),
        )
        for quantity in quantities
    }
    said = [Said("published", _MARK_WORDS)] if any(line.verdict in (AGREES, DIFFERS) for line in lines) else []
    said += [Said("too wide", TOO_WIDE_WORDS)] if any(line.too_wide for line in lines) else []
    said += [Said("", words) for words in shift_words(lines, reproduction.comparison.convention)]
    said += [Said("", f"Why published numbers may differ: {because}.")] if because else []
    return replace(
        view,
        beside={**view.beside, **columns},
        lines=tuple(_noted(line, by_place, because, view) for line in view.lines),
        said=(*view.said, *said),
    )


_MARK_WORDS = (
    f"Published numbers: “{AGREES_MARK}” lies in the 95% prediction interval of one new run on another split, "
    f"“{WIDE_MARK}” in one that is too wide to say much, “{DIFFERS_MARK}” outside; one "
    "without a mark cannot be compared."
)


def published_frame(reproduction: Reproduction) -> pd.DataFrame:
    """All published numbers with ours, a line for each, in full precision."""
    lines = reproduction.comparison.lines
    half_widths = [None if line.estimate is None else line.estimate.half_width for line in lines]
    return pd.DataFrame(
        {
            "table": [line.published.table for line in lines],
            "level": [line.published.level for line in lines],
            "quantity": [line.published.quantity for line in lines],
            "unit": [line.unit for line in lines],
            "published": [published_words(line).replace(",", "").replace("−", "-") for line in lines],
            "ours_mean": [None if line.estimate is None else line.estimate.mean for line in lines],
            "ours_half_width": half_widths,
            "n": [None if line.estimate is None else line.estimate.n for line in lines],
            "difference": [line.difference for line in lines],
            "one_new_run_half_width": [line.half_width for line in lines],
            "verdict": [line.verdict for line in lines],
            "too_wide": [line.too_wide for line in lines],
            "reason": [line.reason for line in lines],
            "note": [line.note for line in lines],
        }
    ).astype({"n": "Int64"})


def _level(line: Line) -> str:
    return ", ".join(line.labels)


def _heading(quantity: str, lines: list[ComparedValue], view: TableView) -> str:
    first = next(line for line in lines if line.published.quantity == quantity)
    words = quantity_words(first, view.metric)
    return words[:1].lower() + words[1:]


def _cell(line: ComparedValue | None) -> str:
    if line is None:
        return ""
    mark = {AGREES: WIDE_MARK if line.too_wide else AGREES_MARK, DIFFERS: DIFFERS_MARK}.get(line.verdict, "")
    return f"{mark} {published_words(line)}".lstrip()


def _noted(line: Line, by_place: Mapping[tuple[str, str], ComparedValue], because: str, view: TableView) -> Line:
    """Add what is said of a row's published numbers: why one differs, or what is odd about it."""
    own = [found for (level, _), found in by_place.items() if level == _level(line)]
    words: dict[str, list[str]] = {}
    for found in own:
        if found.verdict == DIFFERS:
            text = note_of(found, because) or "no reason is known"
            words.setdefault(f"differs: {text}", []).append(_short_words(found, view))
        elif why := found.published.because.removeprefix(because).removeprefix("; "):
            words.setdefault(f"may differ: {why}", []).append(_short_words(found, view))
    notes = [f"{PUBLISHED_NOTE}{', '.join(names)} {text}" for text, names in words.items()]
    return replace(line, notes=(*line.notes, *notes)) if notes else line


def _short_words(line: ComparedValue, view: TableView) -> str:
    """Name a quantity without its unit, as it stands within a sentence."""
    words = quantity_words(line, view.metric).partition(" (")[0]
    return words[:1].lower() + words[1:]
