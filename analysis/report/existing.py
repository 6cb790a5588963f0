"""The report of results from elsewhere: their tables, all configurations in order, and what cannot be known of them."""

from collections.abc import Sequence
from math import isfinite

from analysis.frames.evidence import Evidence
from analysis.frames.existing import read_at
from analysis.report.outline import sections_of
from analysis.report.section import Section
from analysis.report.summary import Fact
from analysis.statistics.intervals import estimate
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from tune_jobs.existing import names
from tune_jobs.existing.as_study import ExistingStudy, level_label
from tune_jobs.existing.layout import Configuration
from tune_jobs.existing.looking import Found, as_options
from tune_jobs.words import counted

UNKNOWN = (
    "These results were trained elsewhere. What cannot be known of them: how the data were split and whether all runs "
    "had the same validation rows, whether equal seeds mean equal weights and equal splits, whether the test set was "
    "looked at to choose what was run or kept, whether the runs would give the same numbers again, and which runs were "
    "left out."
)
# So many configurations are listed in the report; its CSV file has all.
_MOST_LISTED = 30


def existing_sections(existing: ExistingStudy, evidence: Evidence) -> list[Section]:
    """Build the sections: the tables, all configurations, and the runs that are in no table."""
    sections = sections_of(evidence, None)
    sections.append(_ranking(existing))
    left = existing.layout.left
    if left:
        sheet = Sheet(
            "runs_in_no_table",
            "Runs in no table",
            (
                Column(
                    "Run",
                    tuple(run.name or _levels_words(existing.layout.found, run.settings) for run, _ in left),
                    "words",
                ),
                Column("Why", tuple(why for _, why in left), "words"),
            ),
        )
        shown = left_lines(existing)
        sections.append(Section("left", "Runs in no table", [shown[0]], sheets=[sheet]))
    return sections


def existing_facts(existing: ExistingStudy) -> list[Fact]:
    """List what was found, and the options that would say the same."""
    found = existing.layout.found
    constants = ", ".join(f"{name} = {level_label(name, value)}" for name, value in found.constants.items())
    unused = "; ".join(f"{name} ({why})" for name, why in sorted(found.columns.unused.items()))
    facts = [
        Fact("Read", f"{found.results.form}, {found.results.place}"),
        Fact("Runs", f"{len(found.runs):,}, {len(found.runs) - len(existing.layout.left):,} of them in tables"),
        Fact("Found by looking", as_options(found)),
        Fact("The same in all runs", constants),
        Fact("Columns not used", unused),
        Fact("Passed over", " ".join(found.results.remarks)),
    ]
    return [fact for fact in facts if fact.value]


def existing_warnings(existing: ExistingStudy, evidence: Evidence) -> list[str]:
    """List what casts doubt on the results."""
    found, warnings = existing.layout.found, [UNKNOWN]
    if names.part_of(found.metric) == names.TEST:
        warnings.append(
            f"The tables compare {found.metric}, measured on a test set. What is chosen by it looks better than it is."
        )
    if names.part_of(found.metric) == names.TRAINING:
        warnings.append(f"The tables compare {found.metric}, measured on the rows that were trained on.")
    if not existing.study.tables:
        warnings.append("There are no tables: no two configurations differ by one factor, and no factors are crossed.")
    epochs = evidence.trials["epoch"].dropna()
    if found.read == "last" and len(epochs) and epochs.min() < epochs.max():
        warnings.append(
            f"Runs are read at different epochs, from {epochs.min()} to {epochs.max()}: a level may look worse because "
            "its runs were stopped sooner."
        )
    return warnings


def left_lines(existing: ExistingStudy) -> list[str]:
    """Count the runs that are in no table, by reason; none where all are in one."""
    reasons: dict[str, int] = {}
    for _, why in existing.layout.left:
        reasons[why] = reasons.get(why, 0) + 1
    if not reasons:
        return []
    total = sum(reasons.values())
    return [
        f"{counted(total, 'run')} of {len(existing.layout.found.runs):,} in no table: "
        + "; ".join(f"{count:,} × {why}" for why, count in sorted(reasons.items()))
        + "."
    ]


def _ranking(existing: ExistingStudy) -> Section:
    found = existing.layout.found
    higher = existing.metrics.by.higher_is_better
    scored = []
    for one in existing.layout.configurations:
        places = [(run, read_at(run, found.metric, read=found.read, higher_is_better=higher)) for run in one.runs]
        values = [run.metrics[found.metric][place] for run, place in places if place is not None]
        whole = len(values) == len(one.runs) and all(map(isfinite, values))
        scored.append((one, values if whole else []))
    sign = -1 if higher else 1
    scored.sort(key=lambda pair: sign * sum(pair[1]) / len(pair[1]) if pair[1] else float("inf"))
    shown = scored[:_MOST_LISTED]
    sheet = Sheet(
        "all_configurations",
        "All configurations, the best first",
        (*_level_columns(found, [one for one, _ in shown]), *_number_columns(existing, shown)),
        _ranking_caption(len(shown), len(scored)),
    )
    return Section("all", "All configurations", [], sheets=[sheet])


def _level_columns(found: Found, configurations: Sequence[Configuration]) -> list[Column]:
    return [
        Column(names.factor_label(name), tuple(level_label(name, one.levels[place]) for one in configurations), "words")
        for place, name in enumerate(found.factors)
    ]


def _number_columns(
    existing: ExistingStudy, shown: Sequence[tuple[Configuration, Sequence[float]]]
) -> tuple[Column, Column]:
    by = existing.metrics.by
    sizes = [abs(sum(values) / len(values)) for _, values in shown if values]
    decimals = 2 if by.unit == "%" else 4 if max(sizes, default=0) < 100 else 1
    heading = f"{by.label} ({by.unit})" if by.unit else by.label
    cells = tuple(format_estimate(estimate(values) if values else None, decimals) for _, values in shown)
    return Column(heading, cells), Column("n", tuple(str(len(one.runs)) for one, _ in shown))


def _ranking_caption(shown: int, total: int) -> tuple[str, ...]:
    first = "Mean ± 95% Student-t interval where there are replicates. The best of many looks better than it is."
    return (first, f"The first {shown} of {total:,} are listed.") if shown < total else (first,)


def _levels_words(found: Found, settings: Sequence[object]) -> str:
    named = zip(found.columns.settings, settings, strict=True)
    return ", ".join(f"{name}={value}" for name, value in named if name in found.factors)
