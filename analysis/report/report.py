"""Write a study's report as HTML, Markdown, LaTeX, CSV and figures. Only this module of analysis writes files."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import boxes_for_missing_letters
from analysis.frames.evidence import Evidence, gather
from analysis.frames.existing import existing_evidence
from analysis.published.reproduction import Reproduction, counts_in_words, reproduction_of
from analysis.published.sheets import lines_in_words
from analysis.report.differences import compared_views, differences
from analysis.report.environment import template_environment
from analysis.report.existing import existing_facts, existing_sections, existing_warnings
from analysis.report.findings import Findings, findings_of
from analysis.report.outline import sections_of
from analysis.report.overview import overview_of
from analysis.report.page.page import page_text
from analysis.report.section import Section
from analysis.report.shared import without_shared
from analysis.report.summary import Fact, facts, not_as_planned, warnings
from analysis.report.tables_tex import PAPER, STYLES, LatexStyle, tables_tex
from analysis.tables.latex_text import latex_prose, latex_text
from analysis.tables.long_latex import sheet_latex
from analysis.tables.paper import latex_sheet
from analysis.tables.rendering import (
    RENDERERS,
    markdown_prose,
    markdown_text,
    to_csv,
    to_markdown,
    to_plain_csv,
)
from analysis.tables.spreadsheet import frame_csv
from tune_jobs.errors import UserError
from tune_jobs.existing.as_study import ExistingStudy
from tune_jobs.files import replace_file
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.standing import Standing

# Equal figures are equal bytes on every machine, whatever its matplotlibrc says.
FIGURE_STYLE: Any = {
    "svg.hashsalt": "ablatune",
    "font.size": 9.0,
    "savefig.dpi": 200.0,
    # Text of the page's figures is text, which is small, can be searched, and has the page's font.
    "svg.fonttype": "none",
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}
_METADATA: Mapping[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written, and what is in it.

    Attributes:
        published: the comparison with published numbers, as lines of text.
        frames: the tables by name, as in their CSV files.
        drawn: the figures by name, each with its caption.
        missing: how many replicates have not been run to the end.
        replicates: how many there are in all.
        findings: what was found, in sentences by question.
    """

    folder: Path
    html: Path
    markdown: Path
    latex: Path
    trials: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    published: tuple[str, ...] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    drawn: Mapping[str, tuple[Figure, str]] = field(default_factory=dict, repr=False)
    missing: int = 0
    replicates: int = 0
    findings: Findings | None = field(default=None, repr=False)


def write_report(standing: Standing, folder: Path, *, style: str = STYLES[0], siunitx: bool = False) -> ReportFiles:
    """Write a study's report into a folder, from the trials that the ledger has.

    Equal ledgers give equal bytes. Each file is replaced as a whole; other files stay.

    Args:
        standing: where the study stands; its ledger is only read.
        folder: created if it does not exist.
        style: of the tables for LaTeX, one of `STYLES`.
        siunitx: align the numbers of these tables by the package siunitx.

    Raises:
        UserError: the ledger has none of the study's trials, the style is not known, or the folder cannot be written.
    """
    if style not in STYLES:
        raise UserError(f"style: {style!r} is not one of {', '.join(STYLES)}")
    evidence = gather(standing)
    reproduction = reproduction_of(evidence)
    sections, written = _written(
        folder,
        evidence,
        lambda: sections_of(evidence, reproduction),
        facts(evidence, variant=standing.variant),
        warnings(evidence),
        reproduction,
        LatexStyle(short=style == PAPER, siunitx=siunitx),
    )
    if reproduction is None:
        return written
    metrics = {section.name: section.view.metric for section in sections if section.view}
    return replace(written, published=(*lines_in_words(reproduction, metrics), *counts_in_words(reproduction)))


def write_existing_report(existing: ExistingStudy, folder: Path) -> ReportFiles:
    """Write the report of results from elsewhere into a folder; see `write_report`.

    Raises:
        UserError: the folder cannot be written.
    """
    evidence = existing_evidence(existing)
    return _written(
        folder,
        evidence,
        lambda: existing_sections(existing, evidence),
        existing_facts(existing),
        existing_warnings(existing, evidence),
    )[1]


def _written(
    folder: Path,
    evidence: Evidence,
    sections_of_report: Callable[[], list[Section]],
    shown_facts: Sequence[Fact],
    shown_warnings: Sequence[str],
    reproduction: Reproduction | None = None,
    style: LatexStyle | None = None,
) -> tuple[list[Section], ReportFiles]:
    make_folder(folder, "tables", "figures")
    with matplotlib.rc_context(FIGURE_STYLE):
        shared, sections = without_shared(sections_of_report())
        views = [section.view for section in sections if section.view]
        factors = differences(compared_views(evidence, views))
        overview = overview_of(views, evidence, factors)
        shown = sections if overview is None else [overview, *sections]
        figures = figure_files(shown)
    found = findings_of(evidence, views, reproduction, factors)
    words = {
        "study": evidence.study,
        "findings": found.sentences,
        "answers": found.answers,
        "facts": shown_facts,
        "warnings": shown_warnings,
        "overview": overview,
        "shared": shared,
        "sections": sections,
        "unplanned": not_as_planned(views, evidence.trials),
    }
    written = replace(
        _write_all(folder, words, shown, figures, evidence, style or LatexStyle()),
        missing=int((evidence.trials["outcome"] == MISSING).sum()),
        replicates=len(evidence.trials),
        findings=found,
        frames=_frames(shown),
        drawn={picture.name: (picture.figure, picture.caption) for section in shown for picture in section.pictures},
    )
    return sections, written


def _frames(sections: Sequence[Section]) -> dict[str, pd.DataFrame]:
    texts = {section.view.name: to_csv(section.view, safe=False) for section in sections if section.view}
    texts |= {extra.name: to_plain_csv(extra, safe=False) for section in sections for extra in section.sheets}
    found = {name: pd.read_csv(io.StringIO(text)) for name, text in texts.items()}
    return found | {name: frame for section in sections for name, frame in section.frames.items()}


def figure_files(sections: Sequence[Section]) -> dict[str, bytes]:
    """Draw the figures of sections in each format: the content of the files by name."""
    return {
        f"{picture.name}.{kind}": _figure_bytes(picture.figure, kind)
        for section in sections
        for picture in section.pictures
        for kind in ("svg", "pdf", "png")
    }


def _figure_bytes(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    with boxes_for_missing_letters():
        figure.savefig(stream, format=kind, metadata=_METADATA[kind])
    # Keep the first layout for every file type. With "none" in place of None, matplotlib would draw each file twice.
    figure.set_layout_engine(None)
    return stream.getvalue()


def _write_all(
    folder: Path,
    words: Mapping[str, Any],
    sections: Sequence[Section],
    figures: Mapping[str, bytes],
    evidence: Evidence,
    style: LatexStyle,
) -> ReportFiles:
    views = [section.view for section in sections if section.view]
    sheets = [extra for section in sections for extra in section.sheets]
    texts = {
        "index.html": page_text(words, sections, figures, evidence),
        "report.md": plain_environment(markdown_text).get_template("report.md").render(words),
        "report.tex": plain_environment(latex_text).get_template("report.tex").render(words, siunitx=style.siunitx),
        "tables.tex": tables_tex(sections, words["shared"], style),
        "trials.csv": frame_csv(evidence.trials),
    }
    tables = {f"{view.name}.{kind}": render(view) for view in views for kind, render in RENDERERS.items()}
    tables |= {
        f"{view.name}.tex": sheet_latex(latex_sheet(view, short=style.short), siunitx=style.siunitx) for view in views
    }
    tables |= {f"{extra.name}.md": to_markdown(extra) for extra in sheets}
    tables |= {f"{extra.name}.tex": sheet_latex(extra, siunitx=style.siunitx) for extra in sheets}
    tables |= {f"{extra.name}.csv": to_plain_csv(extra) for extra in sheets}
    tables |= {f"{name}.csv": frame_csv(frame) for section in sections for name, frame in section.frames.items()}
    written = {name: content for name, content in figures.items() if not name.endswith(".svg")}
    for name, text in texts.items():
        write_file(folder / name, text.encode())
    for name, text in tables.items():
        write_file(folder / "tables" / name, text.encode())
    for name, content in written.items():
        write_file(folder / "figures" / name, content)
    return ReportFiles(
        folder=folder,
        html=folder / "index.html",
        markdown=folder / "report.md",
        latex=folder / "report.tex",
        trials=folder / "trials.csv",
        tables=tuple(folder / "tables" / name for name in tables),
        figures=tuple(folder / "figures" / name for name in written),
    )


def make_folder(folder: Path, *below: str) -> None:
    """Make the folder of a report, and folders below it.

    Raises:
        UserError: one cannot be made.
    """
    try:
        for path in (folder, *(folder / name for name in below)):
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a report as a whole.

    Raises:
        UserError: it cannot be written.
    """
    try:
        replace_file(path, content, durable=False)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written ({error}); give another folder with --output")


def plain_environment(escape: Callable[[str], str]) -> jinja2.Environment:
    """An environment for text: `e` escapes a name, `prose` sentences; LaTeX does not use the brackets of its blocks.

    Args:
        escape: `latex_text` or `markdown_text`.
    """
    environment = template_environment(
        autoescape=False,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["e"] = escape
    environment.filters["prose"] = latex_prose if escape is latex_text else markdown_prose
    environment.filters["table"] = RENDERERS["md"]
    environment.filters["sheet"] = to_markdown
    return environment
