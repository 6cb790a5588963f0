"""The report of several studies: what each found, the rows that they share, and the tables of each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
from markupsafe import Markup

from analysis.figures.forest import forest_figure
from analysis.frames.evidence import Evidence, gather
from analysis.published.reproduction import reproduction_of
from analysis.report.environment import template_environment
from analysis.report.findings import findings_of
from analysis.report.overview import first_groups
from analysis.report.page.page import coded, in_notebook, style
from analysis.report.page.svg import inline_svg
from analysis.report.report import FIGURE_STYLE, figure_files, make_folder, plain_environment, write_file
from analysis.report.section import Picture, Section
from analysis.report.studies.comparison import SharedRows, compared_studies, comparison_sheets, forest_groups, refusals
from analysis.report.studies.matching import StudyRows, rows_of_study
from analysis.tables.captions import shared_sentences
from analysis.tables.columns import table_sheet
from analysis.tables.rendering import markdown_text
from analysis.tables.sheet import Sheet
from tune_jobs.standing.standing import Standing

_CAPTION = (
    "The rows that each two studies share, where they were trained apart. Lines are intervals, corrected for the "
    "comparisons of these two studies; an arrow is an interval that goes beyond the axis."
)
_NOT_LETTERS = re.compile(r"\W+")


@dataclass(frozen=True)
class StudiesReport:
    """The report of several studies; a notebook shows the whole.

    Attributes:
        html: the page.
        refused: which studies cannot be compared, and why.
        shared: the tables of the rows that they share.
    """

    html: Path
    markdown: Path
    refused: Sequence[str]
    shared: Sequence[Sheet]

    def _repr_html_(self) -> str:
        return in_notebook(self.html)


@dataclass(frozen=True)
class _Part:
    """What the page shows of one study; `shared` holds for all of its tables, unless one says otherwise."""

    name: str
    anchor: str
    title: str
    findings: Sequence[str]
    shared: str
    sheets: Sequence[Sheet]
    command: str


def write_studies_report(standings: Sequence[Standing], folder: Path) -> StudiesReport:
    """Write the report of several studies: `index.html` and `report.md`.

    Args:
        standings: where each study stands; their ledger is only read.
        folder: created if it does not exist.

    Raises:
        UserError: a study has no trials in the ledger, or the folder cannot be written.
    """
    studies = [rows_of_study(gather(standing)) for standing in standings]
    found = compared_studies(studies)
    refused, shared, pictures = refusals(studies), comparison_sheets(found), _pictures(found)
    parts = [_part(study, number) for number, study in enumerate(studies)]
    title = f"{', '.join(part.name for part in parts[:-1])} and {parts[-1].name}"
    words: dict[str, Any] = {"title": title, "parts": parts, "refused": refused, "shared": shared, "pictures": pictures}
    with matplotlib.rc_context(FIGURE_STYLE):
        figures = figure_files([Section("compared", "Compared", pictures=pictures)])
    files = {name: content for name, content in figures.items() if not name.endswith(".svg")}
    make_folder(folder, *(["figures"] if files else []))
    for name, content in files.items():
        write_file(folder / "figures" / name, content)
    report = StudiesReport(folder / "index.html", folder / "report.md", refused, shared)
    write_file(report.html, _html(words, figures).encode())
    write_file(report.markdown, plain_environment(markdown_text).get_template("studies.md").render(words).encode())
    return report


def _part(study: StudyRows, number: int) -> _Part:
    evidence: Evidence = study.evidence
    found = findings_of(evidence, study.views, reproduction_of(evidence))
    anchor = f"study-{number + 1}-{_NOT_LETTERS.sub('-', study.name).strip('-')}"
    shared = shared_sentences([view.said for view in study.views])
    short = [replace(view, said=tuple(one for one in view.said if one not in shared)) for view in study.views]
    return _Part(
        study.name,
        anchor,
        evidence.study.title,
        found.sentences,
        " ".join(one.words for one in shared),
        [table_sheet(view) for view in short],
        evidence.study.command("report"),
    )


def _pictures(found: Sequence[SharedRows]) -> list[Picture]:
    """One figure of the differences between studies; none where none was tested."""
    groups = forest_groups(found)
    if not groups:
        return []
    with matplotlib.rc_context(FIGURE_STYLE):
        return [Picture("differences", forest_figure(first_groups(groups)), _CAPTION)]


def _html(words: dict[str, Any], figures: Mapping[str, bytes]) -> str:
    environment = template_environment(autoescape=True)
    environment.filters["coded"] = coded
    drawn = {
        picture.name: Markup(inline_svg(figures[f"{picture.name}.svg"], f"f{number}", f"Figure: {_CAPTION}", {}))
        for number, picture in enumerate(words["pictures"])
    }
    return environment.get_template("studies.html").render(words, drawn=drawn, style=Markup(style()))
