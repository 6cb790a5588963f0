"""The sections of a report: each table with its figures, the path of the stages, the final configurations."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from matplotlib.figure import Figure

from analysis.columns import Sheet
from analysis.evidence import Evidence
from analysis.pictures import PICTURES
from analysis.summary import Fact, settings
from analysis.tables import TableView, build_table
from analysis.tested import openings_in_words, tested_sheet
from tune_jobs.study import Table


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its file and its caption."""

    name: str
    figure: Figure = field(repr=False)
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report: words, a study's table, further tables, and figures; any may be left out."""

    name: str
    title: str
    paragraphs: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    view: TableView | None = None
    sheets: Sequence[Sheet] = ()
    pictures: Sequence[Picture] = ()


def sections_of(evidence: Evidence) -> list[Section]:
    """Return the report's sections in their order."""
    study = evidence.study
    sections = [_table_section(table, evidence) for table in study.tables]
    sections += [_final_section(table, evidence) for table in study.finals]
    return sections


def _table_section(table: Table, evidence: Evidence) -> Section:
    own = evidence.rows_of(table.name)
    view = build_table(table, own, evidence.trials, seeds=evidence.seeds)
    if not evidence.curves["position"].isin([position for position, _ in own]).any():
        return Section(table.name, table.title, view=view)
    pictures = []
    for kind in table.showing.figures:
        drawn = PICTURES[kind](view, evidence) if kind in PICTURES else None
        if drawn is not None:
            name = table.name if kind == table.showing.figures[0] else f"{table.name}-{kind}"
            pictures.append(Picture(name, *drawn))
    return Section(table.name, table.title, view=view, pictures=pictures)


def _final_section(table: Table, evidence: Evidence) -> Section:
    section = _table_section(table, evidence)
    config = evidence.rows_of(table.name)[0][1].config
    facts = settings(config) if config is not None else []
    own = [opening for opening in evidence.openings if opening.study == evidence.study.name]
    tested = tested_sheet(table.name, own)
    words = openings_in_words(evidence.study.name, evidence.openings)
    return replace(section, facts=facts, paragraphs=words, sheets=[tested] if tested else [])
