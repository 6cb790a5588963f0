"""Which sections a report has, and in which order: tables, the search, the path of the stages, final configurations."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.figures.registry import drawing
from analysis.figures.waterfall import waterfall_caption, waterfall_figure
from analysis.frames.evidence import Evidence, all_tables
from analysis.frames.search_frames import goal_of
from analysis.published.beside import published_frame, with_published
from analysis.published.reproduction import Reproduction, counts_in_words
from analysis.published.sheets import comparison_sheet, conventions_sheet, differing_sheet, statements_sheet
from analysis.report.defaults import base_words
from analysis.report.images import image_sections
from analysis.report.search.effects import dependence_words
from analysis.report.search.sections import search_sections
from analysis.report.section import Picture, Section
from analysis.report.stage_path import metric_of, path_of, path_sheet, unit_of
from analysis.report.summary import settings
from analysis.report.test_results import openings_in_words, tested_sheet
from analysis.tables.building import build_table
from analysis.tables.captions import Said
from analysis.tables.confirming import confirmation_sentences
from analysis.tables.level_numbers import factor_numbers, level_numbers
from tune_jobs.study.model import FRESH_PATH, PATH, Table
from tune_jobs.trial.config import METRIC_SPECS


def sections_of(evidence: Evidence, reproduction: Reproduction | None) -> list[Section]:
    """Build the report's sections, in order.

    Args:
        evidence: what the ledger knows of the study.
        reproduction: of `analysis.published.reproduction.reproduction_of`.
    """
    study = evidence.study
    sections = [_with_dependence(_table_section(table, evidence), table, evidence) for table in study.tables]
    sections += _path_sections(evidence)
    known = {row.table for row in evidence.standing.rows}
    sections += [_stage_section(stage, evidence) for stage in study.stages if stage.name in known]
    if study.finals:
        sections += [_final_section(table, evidence) for table in study.finals]
    else:
        sections = [_with_test(section, evidence) for section in sections]
    if reproduction is not None:
        sections = [_with_published(section, reproduction, evidence) for section in sections]
    tables = len(study.tables)
    sections[tables:tables] = search_sections(evidence)
    sections += [] if reproduction is None else [_published_section(reproduction, sections)]
    return [*sections, *image_sections([section.view for section in sections if section.view], evidence)]


def _with_dependence(section: Section, table: Table, evidence: Evidence) -> Section:
    """Warn of what the search has shown a table's conclusion to depend on."""
    goal = goal_of(evidence.standing.search) if evidence.standing.search is not None else None
    words = dependence_words(table, evidence, goal) if goal is not None else []
    return replace(section, paragraphs=[*section.paragraphs, *words])


def _with_test(section: Section, evidence: Evidence) -> Section:
    """Add the test result of what validation chose, for a study without final configurations."""
    tested = tested_sheet(section.name, evidence.own_openings())
    if tested is None:
        return section
    words = openings_in_words(evidence.study.name, evidence.openings, evaluate=evidence.study.command("evaluate"))
    return replace(section, paragraphs=[*section.paragraphs, *words], sheets=[*section.sheets, tested])


def _with_published(section: Section, reproduction: Reproduction, evidence: Evidence) -> Section:
    """Put what was printed of a table into its rows, and of a path into tables of its own."""
    if section.view is not None:
        return replace(section, view=with_published(section.view, reproduction))
    metric = METRIC_SPECS[metric_of(evidence)].label
    sheets = [comparison_sheet(table, reproduction, metric=metric) for table in (PATH, FRESH_PATH)]
    return replace(section, sheets=[*section.sheets, *(sheet for sheet in sheets if sheet)])


def _published_section(reproduction: Reproduction, sections: Sequence[Section]) -> Section:
    """Sum up how the study compares, and list what differs; all numbers are in a file of their own."""
    views = [section.view for section in sections if section.view is not None]
    differing = differing_sheet(
        reproduction, {view.name: view.title for view in views}, {view.name: view.metric for view in views}
    )
    found = (differing, conventions_sheet(reproduction), statements_sheet(reproduction))
    words = [
        f"Published: {reproduction.published.source}.",
        *counts_in_words(reproduction),
        "Each number stands in the table of its row; all of them, with those that cannot be compared, are in "
        "published.csv.",
    ]
    return Section(
        "published",
        "Comparison with published results",
        words,
        sheets=[sheet for sheet in found if sheet is not None],
        frames={"published": published_frame(reproduction)},
    )


def _table_section(table: Table, evidence: Evidence) -> Section:
    rows = evidence.rows_of(table.name)
    looks = evidence.standing.looks
    view = build_table(
        table, rows, evidence.trials, seeds=evidence.standing.seeds, looks=() if looks is None else looks.plan
    )
    confirmed = [Said("", words) for words in confirmation_sentences(table, view, evidence)]
    of_report = (view.headings, all_tables(evidence.study), evidence.standing.rows)
    factors = factor_numbers(*of_report) if len(view.headings) > 1 else ()
    view = replace(view, said=(*view.said, *confirmed), numbers=level_numbers(*of_report), factors=factors)
    base = base_words(rows, evidence.study)
    command = evidence.study.command("run") if base and evidence.standing.ledger is not None else ""
    section = Section(table.name, table.title, view=view, base=base, command=command)
    if not evidence.curves["position"].isin([position for position, _ in rows]).any():
        return section
    pictures = []
    for kind in table.showing.figures:
        drawn = drawing(kind)(view, evidence)
        if drawn is not None:
            name = table.name if kind == table.showing.figures[0] else f"{table.name}-{kind}"
            pictures.append(Picture(name, *drawn))
    return replace(section, pictures=pictures)


def _path_sections(evidence: Evidence) -> list[Section]:
    path = path_of(evidence) if evidence.study.stages else None
    if path is None:
        return []
    metric, unit = METRIC_SPECS[metric_of(evidence)].label, unit_of(evidence)
    figure = waterfall_figure(path, metric=f"Validation {metric}", unit=unit)
    words = metric.lower() if metric.istitle() else metric
    picture = Picture("path", figure, waterfall_caption(path, metric=words))
    paragraph = (
        "Each stage starts from the best level of the stage before, chosen on validation alone. A stage's winner looks "
        "better than it is, because it was chosen for that. What each stage gained is therefore estimated again with "
        "fresh seeds, each with its own validation split. The two gains differ by this selection "
        "bias and by chance."
    )
    sheets = [path_sheet(path, evidence)] if path.steps else []
    return [Section("path", "The path of the stages", [paragraph], sheets=sheets, pictures=[picture])]


def _stage_section(stage: Table, evidence: Evidence) -> Section:
    section = _table_section(stage, evidence)
    choice = next((choice for choice in evidence.standing.choices if choice.stage == stage.name), None)
    if choice is None:
        words = "Nothing chosen yet."
    elif choice.labels:
        words = f"Chosen: {', '.join(choice.labels)}, with the best validation mean of {choice.levels} levels."
    else:
        words = f"None of the {choice.levels} levels was better than the stage's start, which was kept."
    return replace(section, title=f"Stage: {stage.title}", paragraphs=[words])


def _final_section(table: Table, evidence: Evidence) -> Section:
    section = _table_section(table, evidence)
    row = evidence.rows_of(table.name)[0][1]
    facts = settings(row.config, evidence.study, row.moves) if row.config is not None else []
    tested = tested_sheet(table.name, evidence.own_openings())
    words = openings_in_words(evidence.study.name, evidence.openings, evaluate=evidence.study.command("evaluate"))
    return replace(section, facts=facts, paragraphs=words, sheets=[tested] if tested else [])
