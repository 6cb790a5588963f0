"""Names that HTML, LaTeX, Markdown or a spreadsheet would take for their own break none of them."""

import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.report.report import write_report
from analysis.tables.columns import table_sheet
from analysis.tables.latex import to_latex
from analysis.tables.paper import latex_sheet
from analysis.tables.rendering import markdown_prose, to_csv, to_markdown, to_plain_csv
from analysis.tables.spreadsheet import csv_text, frame_csv, shielded
from tests.analysis.tables.test_rendering import STUDY
from tune_jobs.errors import UserError

# Studies may not have names with characters that cannot be printed: those that turn text around, say.
NAMES = st.text(min_size=1).filter(lambda text: text.isprintable() and bool(text.strip()))
HOSTILE = (
    "<script>document.title = 'bad'</script>",
    "% _ & \\ # $ { } ~ ^ | `x` ``",
    "🙂 עברית abc",
    '"><img src=x onerror=alert(1)>',
    "two\nlines | and a pipe",
    '=HYPERLINK("http://x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\\end{document} \\input{/etc/passwd}",
    "--- x",
    "</title></style></script>",
)


def study_of(names: tuple[str, ...]) -> str:
    text = json.dumps(" ".join(names), ensure_ascii=False)
    levels = "".join(
        f"      - {{label: {json.dumps(name, ensure_ascii=False)}, set: {{hidden_units: {4 + place}}}}}\n"
        for place, name in enumerate(names)
    )
    return (
        f"title: {text}\ndescription: {text}\nbase: {{dataset: digits, epochs: 2}}\n"
        f"tables:\n  - title: {text}\n    name: odd\n    label: {text}\n    levels:\n{levels}"
    )


class Page(HTMLParser):
    """The elements of a page, and the text of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def folder(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a study all of whose names are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    write_report(run(study_of(HOSTILE)).standing, folder)
    return folder


def test_a_page_shows_hostile_names_as_text(folder: Path) -> None:
    page = Page((folder / "index.html").read_text())
    assert "img" not in page.tags
    assert page.tags.count("script") == 3
    assert page.tags.count("title") == 1
    for name in HOSTILE:
        assert " ".join(name.split()) in " ".join(page.text.split())


def test_markdown_tables_of_hostile_names_keep_their_columns(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        bars = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in block.splitlines()}
        assert len(bars) == 1
    assert not re.search(r"(?<!\\)<(script|img)", re.sub(r"`[^`]*`", "", text))
    assert not re.search(r"^(---|===)", text, re.MULTILINE)


def test_csv_of_hostile_names_has_no_formula(folder: Path) -> None:
    for path in [folder / "trials.csv", *folder.glob("tables/*.csv")]:
        with path.open(newline="") as file:
            for cell in (cell for row in csv.reader(file) for cell in row):
                assert not cell.startswith(("=", "@", "\t")), (path.name, cell)
                if cell.startswith(("+", "-")):
                    float(cell)
    trials = pd.read_csv(folder / "trials.csv")
    assert set(trials["label"] if "label" in trials else trials["level"]) >= {"'@SUM(A1)", "'-2+3"}


def test_frames_in_memory_have_the_names_as_they_are(run: Any, tmp_path: Path) -> None:
    written = write_report(run(study_of(HOSTILE)).standing, tmp_path)
    assert "@SUM(A1)" in written.frames["odd"].iloc[:, 0].tolist()


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        (" =1", "' =1"),
        ("+1+1", "'+1+1"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        ("-1.5", "-1.5"),
        ("-1,234.5e-3", "-1,234.5e-3"),
        ("+0.83 ± 1.20, no clear difference", "+0.83 ± 1.20, no clear difference"),
        ("-0.5 (-1.0 to 0.1)", "-0.5 (-1.0 to 0.1)"),
        ("plain", "plain"),
        (-1.5, -1.5),
        (None, None),
    ],
)
def test_what_looks_like_a_formula_is_text_and_numbers_stay(cell: object, safe: object) -> None:
    assert shielded(cell) == safe


@given(st.lists(st.text().filter(lambda text: "\x00" not in text and "\r" not in text), min_size=1, max_size=4))
def test_no_text_becomes_a_formula_and_none_is_lost(cells: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(csv_text([cells]), newline=""))
    assert [cell.removeprefix("'") for cell in read] == [cell.removeprefix("'") for cell in cells]
    assert not any(re.match(r"\s*[=@]", cell) for cell in read)


def test_a_frame_keeps_its_numbers_and_missing_values() -> None:
    frame = pd.DataFrame({"=a": ["-x", "b", None], "n": [-1.5, float("nan"), 2.0]})
    assert frame_csv(frame) == "'=a,n\n'-x,-1.5\nb,\n,2.0\n"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("- x", r"\- x"),
        ("1. x", r"1\. x"),
        ("---", r"\---"),
        ("=== x", r"\=== x"),
        ("-5 and `a_b`", "-5 and `a_b`"),
        ("<b>", r"\<b\>"),
    ],
)
def test_a_paragraph_begins_no_list_and_no_rule(text: str, escaped: str) -> None:
    assert markdown_prose(text) == escaped


@pytest.mark.parametrize("name", ["\\u202eabc", "\\x1b[2J"])
def test_names_that_cannot_be_printed_are_refused(name: str, run: Any) -> None:
    with pytest.raises(UserError, match="cannot be printed"):
        run(f'title: "{name}"\nbase: {{dataset: digits, epochs: 2}}\nfinal: {{}}\n')


@pytest.fixture(scope="module")
def view(run: Any) -> Any:
    """Return a table, to be given other names."""
    return run(STUDY).view("odd")


@settings(deadline=None, max_examples=60)
@given(name=NAMES)
@example("|")
@example("\\|")
@example("=1")
def test_tables_of_any_name_keep_their_form(view: Any, name: str) -> None:
    lines = tuple(dataclasses.replace(line, labels=(name,), notes=(name,)) for line in view.lines)
    named = dataclasses.replace(view, title=name, headings=(name,), lines=lines)
    sheet = table_sheet(named)
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in to_markdown(sheet).splitlines()[:5]]
    assert len(set(bars)) == 1
    for text in (to_csv(named), to_plain_csv(sheet)):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(row) for row in rows}) == 1
    latex = to_latex(latex_sheet(named))
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}")
    assert "\n\n" not in latex


_CELLS = st.one_of(st.text(max_size=8), st.sampled_from(["=1+1", " @x", "＝1", "\t=x", "-x", "+a", "−1"]), st.none())


class _Own:
    """A value that is neither text nor a number, and is written as a text."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def __str__(self) -> str:
        return str(self._text)


@given(
    cells=st.lists(_CELLS, min_size=1, max_size=5),
    kind=st.sampled_from(["object", "category", "string", "list", "own"]),
)
@example(cells=["\r"], kind="object")
@example(cells=["a\r\nb\rc"], kind="category")
def test_no_column_of_a_frame_is_run_as_a_formula(cells: list[str | None], kind: str) -> None:
    values: list[Any] = cells
    if kind == "list":
        values = [[cell, 1] for cell in cells]
    elif kind == "own":
        values = [_Own(cell) for cell in cells]
    column = pd.Series(values, dtype=kind if kind in ("category", "string") else object)
    text = frame_csv(pd.DataFrame({"=column": column, "n": 1.5}))
    heading, *rows = csv.reader(io.StringIO(text, newline=""))
    assert heading == ["'=column", "n"]
    assert [row[1] for row in rows] == ["1.5"] * len(cells)
    for row, value in zip(rows, values, strict=True):
        assert shielded(row[0]) == row[0]
        written = str("" if value is None else value).replace("\r\n", "\n").replace("\r", "\n")
        assert row[0].removeprefix("'") == written.removeprefix("'")
