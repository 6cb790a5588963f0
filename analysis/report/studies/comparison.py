"""The rows that studies share, compared: in pairs where seeds and splits are the same, else by Welch's test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.report.studies.matching import StudyRow, StudyRows, Subject, shared_rows
from analysis.statistics.comparisons import Comparison, Pairs, comparison_words, default_margin
from analysis.statistics.table_tests import compare
from analysis.statistics.words import format_estimates
from analysis.tables.comparing import COMPARED, is_accuracy, overlap_of, rows_of
from analysis.tables.sheet import Column, Sheet
from analysis.tables.tables import TableView
from analysis.text import NO_VALUE, difference_limits, difference_unit, percent_limits
from tune_jobs.trial.trial import differences
from tune_jobs.words import counted

PAIRED, WELCH = "paired by seed", "Welch: other seeds or splits"


@dataclass(frozen=True)
class _Beside:
    """A row of a study beside that of the first study that has it.

    Attributes:
        how: they are compared, or why not.
        comparison: None where they are not compared.
    """

    how: str
    comparison: Comparison | None = None


def comparison_sheets(studies: Sequence[StudyRows]) -> list[Sheet]:
    """Tables of the rows that studies share, one for each subject that two studies or more have."""
    subjects = dict.fromkeys(subject for study in studies for subject in study.subjects)
    common = [one for one in subjects if sum(one in study.subjects for study in studies) > 1]
    return [sheet for number, one in enumerate(common) if (sheet := _sheet(studies, one, number))]


def refusals(studies: Sequence[StudyRows]) -> list[str]:
    """Say which studies cannot be compared with each other, and why."""
    lines = []
    for place, one in enumerate(studies):
        for other in studies[place + 1 :]:
            if set(one.subjects) & set(other.subjects):
                continue
            lines.append(f"{one.name} and {other.name} cannot be compared: {_why(one, other)}.")
    return lines


def _why(one: StudyRows, other: StudyRows) -> str:
    if not one.subjects or not other.subjects:
        return f"{(other if one.subjects else one).name} has no row with numbers yet"
    first, second = one.subjects[0], other.subjects[0]
    if first.data == second.data and first.fingerprint != second.fingerprint:
        return f"both read {first.data}, but not the same rows of it: their data have changed between them"
    return f"the first shows {first.words}, the second {second.words}"


def _sheet(studies: Sequence[StudyRows], subject: Subject, number: int) -> Sheet | None:
    shared = shared_rows(studies, subject)
    labels = [_label(studies, beside) for beside in shared]
    defaults, words = _defaults(studies, subject)
    if defaults:
        shared, labels = [defaults, *shared], ["each study's default", *labels]
    if not shared:
        return None
    columns = [Column("Row", tuple(labels), "words")]
    for place, study in enumerate(studies):
        if subject in study.subjects:
            columns += _study_columns(study, subject, [beside[place] for beside in shared])
    reference = next(place for place, study in enumerate(studies) if subject in study.subjects)
    for place, study in enumerate(studies):
        if place > reference and subject in study.subjects:
            pairs = [(beside[reference], beside[place]) for beside in shared]
            columns += _difference_columns(studies[reference], study, subject, pairs)
    return Sheet(f"shared-{number + 1}", subject.words, tuple(columns), (*words, *_caption()))


def _defaults(studies: Sequence[StudyRows], subject: Subject) -> tuple[list[StudyRow | None], list[str]]:
    """The defaults of the studies where they do not mean the same, and what they differ in; nothing where they do."""
    found = [study.default_of(subject) for study in studies]
    known = [(study, row) for study, row in zip(studies, found, strict=True) if row is not None]
    if len({row.meaning for _, row in known}) < 2:
        return [], []
    (first, base), *others = known
    words = [
        f"The default of {study.name} is that of {first.name} with {differences(row.config, base.config)}."
        for study, row in others
        if row.meaning != base.meaning
    ]
    return found, words


def _label(studies: Sequence[StudyRows], beside: Sequence[StudyRow | None]) -> str:
    """What the first study calls the row, and the others where they call it something else."""
    (_, first), *others = [(study, row) for study, row in zip(studies, beside, strict=True) if row is not None]
    different = [f"in {study.name} {row.label}" for study, row in others if row.label != first.label]
    return "; ".join([first.label, *different])


def _view_of(study: StudyRows, subject: Subject) -> tuple[TableView, int]:
    """A table of a study on a subject, and the decimals of the metric that is compared."""
    view = next(row.view for row in study.rows if row.subject == subject)
    return view, view.decimals(next(one for one in view.measured if one.name == COMPARED))


def _study_columns(study: StudyRows, subject: Subject, rows: Sequence[StudyRow | None]) -> list[Column]:
    view, decimals = _view_of(study, subject)
    estimates = [None if row is None else row.estimate for row in rows]
    shown = format_estimates(estimates, decimals, percent_limits(view.unit))
    counts = tuple("" if row is None else str(len(row.seeds)) for row in rows)
    return [Column(study.name, tuple(shown)), Column("n", counts)]


def _difference_columns(
    first: StudyRows, study: StudyRows, subject: Subject, pairs: Sequence[tuple[StudyRow | None, StudyRow | None]]
) -> list[Column]:
    found = _besides(pairs)
    view, decimals = _view_of(study, subject)
    limits = difference_limits(view.unit)
    cells = tuple(
        NO_VALUE if one.comparison is None else comparison_words(one.comparison, decimals, ends=True, limits=limits)
        for one in found
    )
    unit = f" ({difference_unit(view.unit)})" if view.unit else ""
    return [
        Column(f"{study.name} against {first.name}{unit}", cells),
        Column("How", tuple(one.how for one in found), "words"),
    ]


def _besides(rows: Sequence[tuple[StudyRow | None, StudyRow | None]]) -> list[_Beside]:
    """Compare each row with that of the first study; all tests of two studies are corrected together."""
    found: dict[int, _Beside] = {}
    tested: dict[int, tuple[Pairs, str]] = {}
    for number, (base, row) in enumerate(rows):
        if base is None or row is None:
            found[number] = _Beside("not in both")
        elif common := len(base.keys & row.keys):
            same = base.keys == row.keys
            found[number] = _Beside("the same trainings" if same else f"share {counted(common, 'training')}: no test")
        else:
            tested[number] = _pairs(base, row)
    judged = _judged([pairs for pairs, _ in tested.values()], [rows[number][0] for number in tested])
    for (number, (_, how)), comparison in zip(tested.items(), judged, strict=True):
        found[number] = _Beside(how, comparison)
    return [found[number] for number in range(len(rows))]


def _judged(pairs: Sequence[Pairs], bases: Sequence[StudyRow | None]) -> list[Comparison]:
    known = [one for one in bases if one is not None]
    if not known:
        return []
    # The first row may have no numbers.
    base = next((one for one in known if np.isfinite(one.values).any()), known[0])
    held_out, accuracy = rows_of(base.row), is_accuracy(base.frame)
    finite = base.values[np.isfinite(base.values)]
    margin = default_margin(float(finite.mean()), rows=held_out, proportion=True) if accuracy and finite.size else None
    return compare(
        pairs,
        higher_is_better=base.view.higher_is_better,
        step=100 / held_out if accuracy and held_out else 0.0,
        margin=margin,
        # Replicates whose splits move share training rows.
        overlap=max(overlap_of(one.row, "population" if one.row.moves else "split") for one in known),
    )


def _pairs(base: StudyRow, row: StudyRow) -> tuple[Pairs, str]:
    paired = row.seeds == base.seeds and row.slots == base.slots
    pairs = Pairs(row.values, base.values, row.collapsed, base.collapsed, paired=paired)
    return pairs, PAIRED if paired else WELCH


def _caption() -> list[str]:
    return [
        "Rows with the same configuration, read at the same epoch on the same data, stand beside each other.",
        "Differences are paired where seeds and splits are the same, else Welch's; those of two studies are corrected "
        "together (Holm), and their intervals are Bonferroni's.",
        "Rows that share trainings are not tested: what they share cannot differ.",
    ]
