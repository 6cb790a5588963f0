"""The report of several studies: what each found, the rows that they share, and the tables of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from analysis.frames.evidence import Evidence, gather
from analysis.published.reproduction import reproduction_of
from analysis.report.environment import template_environment
from analysis.report.findings import findings_of
from analysis.report.page.page import coded, in_notebook, style
from analysis.report.report import make_folder, plain_environment, write_file
from analysis.report.studies.comparison import comparison_sheets, refusals
from analysis.report.studies.matching import StudyRows, rows_of_study
from analysis.tables.captions import shared_sentences
from analysis.tables.columns import table_sheet
from analysis.tables.rendering import markdown_text
from analysis.tables.sheet import Sheet
from tune_jobs.standing.standing import Standing

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
    refused, shared = refusals(studies), comparison_sheets(studies)
    parts = [_part(study, number) for number, study in enumerate(studies)]
    title = f"{', '.join(part.name for part in parts[:-1])} and {parts[-1].name}"
    words: dict[str, Any] = {"title": title, "parts": parts, "refused": refused, "shared": shared}
    make_folder(folder)
    report = StudiesReport(folder / "index.html", folder / "report.md", refused, shared)
    write_file(report.html, _html(words).encode())
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


def _html(words: dict[str, Any]) -> str:
    environment = template_environment(autoescape=True)
    environment.filters["coded"] = coded
    return environment.get_template("studies.html").render(words, style=Markup(style()))
