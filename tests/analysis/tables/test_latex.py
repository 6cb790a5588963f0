"""Tables for LaTeX: what a paper needs, in a source that plain LaTeX compiles."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.tables.latex import heading_lines, to_latex, words_lines
from analysis.tables.latex_text import latex_prose, latex_text
from analysis.tables.long_latex import sheet_latex
from analysis.tables.paper import latex_sheet
from analysis.tables.sheet import Column, Sheet
from tests.analysis.tables.test_rendering import ODD, STUDY


def test_odd_labels_are_shown_as_they_are() -> None:
    assert latex_text(ODD) == r"\_\allowbreak{}a\%b\&c\textbar{}d{*}e\textless{}f\$g\textbackslash{}h"
    assert latex_text("[1] 0.1–0.2 ± 3 × λ é") == r"{[}1{]} 0.1--0.2 $\pm$ 3 $\times$ $\lambda$ é"
    assert latex_text("日 e\u0301 \u202eabc Đ --x") == r"{[}U+65E5{]} é abc D -{}-x"
    assert latex_prose("Run `a_b` now") == r"Run \texttt{a\_\allowbreak{}b} now"


@given(st.text())
def test_text_has_only_what_every_engine_sets(text: str) -> None:
    for escaped in (latex_text(text), latex_prose(text)):
        assert all(c.isascii() or ord(c) < 0x180 for c in escaped)
        assert "\n" not in escaped
        assert escaped.count("{") - escaped.count(r"\{") == escaped.count("}") - escaped.count(r"\}")


def test_a_table_has_caption_label_rules_and_notes_below(run: Any, fate: Any) -> None:
    view = run(STUDY, fates=lambda config: fate("diverged" if config.hidden_units == 16 else "completed")).view("odd")
    text = to_latex(latex_sheet(view))
    assert r"\caption{100\% of \{x\}. Validation accuracy, mean $\pm$ 95\% interval of 3 replicates; {*}" in text
    assert r"\label{tab:odd}" in text
    parts = text.split(r"\begin{tabular}{")[1:]
    for part in parts:
        body = part.partition("\\midrule")[2].partition("\\bottomrule")[0].strip().splitlines()
        kinds = part.partition("}\n")[0].replace("@{}", "")
        assert len(body) == 3
        assert {line.replace(r"\&", "").count("&") for line in body} == {len(kinds) - 1}
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == len(parts)
    notes = text.rpartition(r"\bottomrule")[2]
    assert r"last\textsuperscript{a}" in text
    assert r"\textsuperscript{a}\,diverged in 3 of 3" in notes
    assert "Holm's correction" in notes
    assert not re.search(r"resizebox|clearpage|includegraphics|\[U\+", text)


def test_the_short_form_has_level_metric_difference_and_verdict(run: Any) -> None:
    view = run(STUDY).view("odd")
    headings = [column.heading for column in latex_sheet(view, short=True).columns]
    assert headings == ["Level_name & more", "Validation Accuracy (%)", "Difference from * (paired)", "Verdict", "Note"]
    full = [column.heading for column in latex_sheet(view).columns]
    assert set(headings) < set(full)
    assert "Train Accuracy (%)" in full


def numbers(heading: str, count: int, digits: int = 6) -> Column:
    return Column(heading, ("9" * digits,) * count)


def test_columns_that_do_not_fit_beside_each_other_are_set_below_with_their_levels() -> None:
    levels = Column("Level", ("first", "second"), "words")
    few, many = ([numbers(f"N{number}", 2) for number in range(count)] for count in (3, 40))
    assert to_latex(Sheet("t", "T", (levels, *few))).count(r"\toprule") == 1
    text = to_latex(Sheet("t", "T", (levels, *many)))
    parts = text.count(r"\toprule")
    assert parts > 1
    assert text.count("first") == text.count("Level") == parts
    assert all(text.count(f"N{number}") for number in range(40))


def test_a_verdict_stays_beside_its_difference() -> None:
    levels = Column("Level", ("first",), "words")
    wide = [Column(f"N{number}", ("9" * 20,)) for number in range(5)]
    text = to_latex(Sheet("t", "T", (levels, *wide, Column("Verdict", ("no clear difference",), "words"))))
    assert any("N4" in part and "Verdict" in part for part in text.split(r"\toprule"))


def test_numbers_are_aligned_where_their_half_widths_begin() -> None:
    text = to_latex(Sheet("t", "T", (Column("Level", ("a", "b"), "words"), Column("M", ("1.0 ± 0.5", "–")))))
    assert r"\begin{tabular}{@{}lr@{}l@{}}" in text
    assert "a & 1.0 & \\,$\\pm$\\,0.5 \\\\\nb & -- &  \\\\" in text


def test_levels_that_are_numbers_meet_at_the_point_with_marks_of_notes_behind_them() -> None:
    levels, notes = Column("Rate", ("0.001*", "10", "−2.5")), Column("Note", ("", "diverged", ""), "note")
    text = to_latex(Sheet("t", "T", (levels, Column("M", ("1.0", "2.0", "3.0")), notes)))
    assert r"\begin{tabular}{@{}r@{}lr@{}}" in text
    assert "0 & .001{*} & 1.0 \\\\\n10 & \\textsuperscript{a} & 2.0 \\\\\n$-$2 & .5 & 3.0 \\\\" in text


def test_long_tables_break_over_pages() -> None:
    long = Sheet("t", "T", (Column("Level", ("x",) * 50, "words"),), ("A note.",))
    text = sheet_latex(long)
    assert r"\begin{longtable}" in text
    assert text.index(r"\end{longtable}") < text.index("A note.")
    assert r"\begin{table}" in sheet_latex(Sheet("t", "T", (Column("Level", ("x",) * 5, "words"),)))


@given(st.text(min_size=1).filter(str.split))
def test_breaking_into_lines_loses_nothing(text: str) -> None:
    assert "".join(words_lines(text)).replace(" ", "") == "".join(text.split())


@pytest.mark.parametrize(
    ("heading", "lines"),
    [
        ("Short", ["Short"]),
        ("Learning Rate now", ["Learning", "Rate now"]),
        ("Published validation accuracy (%)", ["Published", "validation", "accuracy (%)"]),
    ],
)
def test_headings_are_broken(heading: str, lines: list[str]) -> None:
    assert heading_lines(heading) == lines
