"""The rows that studies share, compared: in pairs where seeds and splits are the same, else by Welch's test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.figures.forest import ForestGroup, ForestRow
from analysis.report.differences import difference_decimals
from analysis.report.overview import difference_axis, difference_words
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

_NO_TEST = ": no test"
_NOT_IN_BOTH = "not in both"
_SAME = "Rows with the same configuration, read at the same epoch on the same data, stand beside each other."
_TESTS = (
    "Differences are paired where seeds and splits are the same, else Welch's; those of two studies are corrected "
    "together (Holm), and their intervals are Bonferroni's."
)
PAIRED, WELCH = "paired by seed", "Welch: other seeds or splits"


@dataclass(frozen=True)
class Beside:
    """A row of a study beside that of another study.

    Attributes:
        how: they are compared, or why not.
        comparison: None where they are not compared.
    """

    how: str
    comparison: Comparison | None = None


@dataclass(frozen=True, eq=False)
class SharedRows:
    """The rows about a subject that two studies or more share, and each pair of studies compared.

    Attributes:
        number: counts the subjects that have such rows.
        rows: of each, that of every study, or None.
        labels: what the rows are called.
        words: what the studies' defaults differ in, in sentences.
        pairs: the rows of the second study against those of the first, by the places of both.
    """

    studies: Sequence[StudyRows]
    subject: Subject
    number: int
    rows: Sequence[Sequence[StudyRow | None]]
    labels: Sequence[str]
    words: Sequence[str]
    pairs: Mapping[tuple[int, int], Sequence[Beside]]

    @property
    def places(self) -> list[int]:
        """The places of the studies that have the subject."""
        return [place for place, study in enumerate(self.studies) if self.subject in study.subjects]

    def pair_name(self, pair: tuple[int, int]) -> str:
        """The second study against the first."""
        first, second = pair
        return f"{self.studies[second].name} against {self.studies[first].name}"


def compared_studies(studies: Sequence[StudyRows]) -> list[SharedRows]:
    """Compare the rows that studies share, by each subject that two studies or more have."""
    subjects = dict.fromkeys(subject for study in studies for subject in study.subjects)
    common = [one for one in subjects if sum(one in study.subjects for study in studies) > 1]
    return [found for number, one in enumerate(common) if (found := _shared(studies, one, number))]


def _shared(studies: Sequence[StudyRows], subject: Subject, number: int) -> SharedRows | None:
    rows = shared_rows(studies, subject)
    labels = [_label(studies, beside) for beside in rows]
    defaults, words = _defaults(studies, subject)
    if defaults:
        rows, labels = [defaults, *rows], ["each study's default", *labels]
    if not rows:
        return None
    places = [place for place, study in enumerate(studies) if subject in study.subjects]
    pairs = {
        (first, second): _besides([(beside[first], beside[second]) for beside in rows])
        for first, second in combinations(places, 2)
    }
    return SharedRows(studies, subject, number, rows, labels, words, pairs)


def comparison_sheets(found: Sequence[SharedRows]) -> list[Sheet]:
    """A table of each subject's rows; with three studies or more, another of the differences between each two."""
    return [sheet for one in found for sheet in _sheets(one)]


def _sheets(found: SharedRows) -> list[Sheet]:
    columns = [Column("Row", tuple(found.labels), "words")]
    for place in found.places:
        columns += _study_columns(found.studies[place], found.subject, [beside[place] for beside in found.rows])
    name, title = f"shared-{found.number + 1}", found.subject.words
    if len(found.pairs) == 1:
        columns += _difference_columns(found)
        return [Sheet(name, title, tuple(columns), (*found.words, *_caption()))]
    untested = _untested(found)
    means = Sheet(name, title, tuple(columns), (*found.words, _SAME, *untested))
    lines = [
        (found.pair_name(pair), label, _cell(found, pair, one), one.how)
        for pair, besides in found.pairs.items()
        for label, one in zip(found.labels, besides, strict=True)
        if one.comparison is not None
    ]
    if not lines:
        return [means]
    studies, rows, cells, hows = zip(*lines, strict=True)
    differences = (
        Column("Studies", studies, "words"),
        Column("Row", rows, "words"),
        Column(f"Difference{_unit(found)}", cells),
        Column("How", hows, "words"),
    )
    return [means, Sheet(f"{name}-pairs", f"Each two studies: {title}", differences, (_TESTS,))]


def _untested(found: SharedRows) -> list[str]:
    """Say which rows of each two studies are not tested, and why."""
    parts = []
    for pair, besides in found.pairs.items():
        hows = Counter(one.how for one in besides if one.comparison is None and one.how != _NOT_IN_BOTH)
        parts += [
            f"{found.pair_name(pair)} in {counted(count, 'row')} ({how.removesuffix(_NO_TEST)})"
            for how, count in hows.items()
        ]
    return [f"Not tested, since what rows share cannot differ: {'; '.join(parts)}."] if parts else []


def forest_groups(found: Sequence[SharedRows]) -> list[ForestGroup]:
    """The differences between each two studies, for a figure; rows that were not compared have none."""
    groups = []
    for one in found:
        view, _ = _view_of(one.studies[one.places[0]], one.subject)
        for pair, besides in one.pairs.items():
            rows = [
                _forest_row(label, beside.comparison, view)
                for label, beside in zip(one.labels, besides, strict=True)
                if beside.comparison is not None and beside.comparison.difference is not None
            ]
            if rows:
                groups.append(ForestGroup(one.pair_name(pair), difference_axis(view), tuple(rows)))
    return groups


def _forest_row(label: str, comparison: Comparison, view: TableView) -> ForestRow:
    found = comparison.difference
    assert found is not None
    words = difference_words(found, difference_decimals(view, found.half_width or 0.0), difference_limits(view.unit))
    return ForestRow(label, found.mean, found.low, found.high, comparison.verdict, holds=True, words=words)


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


def _difference_columns(found: SharedRows) -> list[Column]:
    """The differences of the only two studies."""
    ((pair, besides),) = found.pairs.items()
    cells = tuple(_cell(found, pair, one) for one in besides)
    return [
        Column(f"{found.pair_name(pair)}{_unit(found)}", cells),
        Column("How", tuple(one.how for one in besides), "words"),
    ]


def _cell(found: SharedRows, pair: tuple[int, int], one: Beside) -> str:
    view, decimals = _view_of(found.studies[pair[1]], found.subject)
    if one.comparison is None:
        return NO_VALUE
    return comparison_words(one.comparison, decimals, ends=True, limits=difference_limits(view.unit))


def _unit(found: SharedRows) -> str:
    return f" ({difference_unit(found.subject.unit)})" if found.subject.unit else ""


def _besides(rows: Sequence[tuple[StudyRow | None, StudyRow | None]]) -> list[Beside]:
    """Compare each row of a study with that of another; all tests of two studies are corrected together."""
    found: dict[int, Beside] = {}
    tested: dict[int, tuple[Pairs, str]] = {}
    for number, (base, row) in enumerate(rows):
        if base is None or row is None:
            found[number] = Beside(_NOT_IN_BOTH)
        elif common := len(base.keys & row.keys):
            same = base.keys == row.keys
            found[number] = Beside("the same trainings" if same else f"share {counted(common, 'training')}{_NO_TEST}")
        else:
            tested[number] = _pairs(base, row)
    judged = _judged([pairs for pairs, _ in tested.values()], [rows[number][0] for number in tested])
    for (number, (_, how)), comparison in zip(tested.items(), judged, strict=True):
        found[number] = Beside(how, comparison)
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


def _caption() -> tuple[str, ...]:
    return _SAME, _TESTS, "Rows that share trainings are not tested: what they share cannot differ."
