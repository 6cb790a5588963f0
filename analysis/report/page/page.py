"""Fill the page's template with a report: one file, which needs no other and no network."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from analysis.frames.evidence import Evidence
from analysis.report.environment import template_environment
from analysis.report.page.data import looks_of, marks_of, page_data
from analysis.report.page.svg import inline_svg
from analysis.report.section import Picture, Section
from analysis.tables.columns import table_sheet
from analysis.tables.sheet import Column

_FOLDER = Path(__file__).resolve().parent
_SCRIPTS = ("parts", "tables", "curves", "search", "drawer", "start")
# Cells of a longer text may break into lines.
_LONG_CELL = 22


def page_text(
    words: Mapping[str, Any], sections: Sequence[Section], figures: Mapping[str, bytes], evidence: Evidence
) -> str:
    """Write the page.

    Args:
        words: of the report, for the template.
        sections: all that have figures or tables.
        figures: files by name; those that end in .svg are put into the page.
        evidence: what the report was made from.
    """
    marks = marks_of(evidence)
    pictures = [(section, picture) for section in sections for picture in section.pictures]
    drawn = {
        picture.name: Markup(inline_svg(figures[f"{picture.name}.svg"], f"f{number}", _title(section, picture), marks))
        for number, (section, picture) in enumerate(pictures)
    }
    data = page_data(sections, evidence, marks)
    return (
        _environment()
        .get_template("report.html")
        .render(
            words,
            drawn=drawn,
            marks=marks,
            data=Markup(_json(data)),
            style=Markup(style()),
            library=Markup(_read("plot.min.js")),
            script=Markup("\n".join(_read(f"script/{name}.js") for name in _SCRIPTS)),
        )
    )


def style() -> str:
    """The page's style sheet, for other pages too."""
    return _read("style.css")


def in_notebook(page: Path) -> str:
    """Show a page in a notebook: a frame with the whole of it."""
    whole = escape(page.read_text(encoding="utf-8"))
    return f'<iframe srcdoc="{whole}" style="width: 100%; height: 40em; border: 1px solid #ccc"></iframe>'


def _title(section: Section, picture: Picture) -> str:
    """What a figure is called for those who cannot see it: its caption's first sentence."""
    return f"Figure: {picture.caption.partition('. ')[0] or section.title}"


def _json(data: Mapping[str, Any]) -> str:
    """Write data for a script element, which ends at no text that the data have."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def coded(text: str) -> Markup:
    """Escape text, and set what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def _is_long(column: Column) -> bool:
    return column.kind == "number" and max(map(len, column.cells), default=0) > _LONG_CELL


def _environment() -> jinja2.Environment:
    environment = template_environment(autoescape=True)
    environment.filters |= {"sheet": table_sheet, "looks": looks_of, "is_long": _is_long, "coded": coded}
    return environment
