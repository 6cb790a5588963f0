"""Numbers aligned by siunitx: what its columns and cells are, and that LaTeX sets them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analysis.tables.latex import to_latex
from analysis.tables.sheet import Column, Sheet
from analysis.tables.siunitx import number_cell, number_kind, split_after_number

_PAPER = "\\documentclass{{article}}\n\\usepackage{{booktabs,siunitx}}\n\\begin{{document}}\n{}\n\\end{{document}}\n"
SHEET = Sheet(
    "t",
    "T",
    (
        Column("Units", ("8", "32*", "128"), "words"),
        Column("Accuracy (%)", ("88.89 ± 1.48", "94.78 ± 0.00", "–")),
        Column("Published", ("≈ 88.10", "(≈) 94.00", "≠ 95.00")),
        Column("Difference", ("−5.89 ± 12.37", "", "+1.17 in every pair")),
        Column("RMSE (dollars)", ("33,000", "1,200,000", "reached by 1 of 3")),
        Column("Time (s)", ("0.38 (0.00 to 0.77)", "0.06 (0.05 to 0.07)", "0.11 (0.10 to 0.12)")),
        Column("Note", ("", "diverged in 1 of 3", ""), "note"),
    ),
)


def has_siunitx() -> bool:
    found = shutil.which("kpsewhich") and shutil.which("pdflatex")
    return (
        bool(found) and subprocess.run(["kpsewhich", "siunitx.sty"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("88.89 ± 1.48", "94.78 ± 12.00"), "S[table-format=2.2(4)]"),
        (("−5.89", "", "0.10"), "S[table-format=-1.2]"),
        (("+1.17", "−10.00"), "S[table-format=+2.2]"),
        (("33,000", "reached by 1 of 3"), "S[table-format=5.0]"),
        (("–", ""), "c"),
    ],
)
def test_a_column_is_as_wide_as_its_widest_number(cells: tuple[str, ...], kind: str) -> None:
    assert number_kind(cells) == kind


def test_cells_are_what_siunitx_reads() -> None:
    assert number_cell("−5.89 ± 12.37") == "-5.89 +- 12.37"
    assert number_cell("1,200,000") == "1200000"
    assert number_cell("(≈) 94.00") == r"{($\approx$)\,} 94.00"
    assert number_cell("–") == "{--}"
    assert number_cell("") == ""
    assert split_after_number("0.38 (0.00 to 0.77)") == ("0.38", " (0.00 to 0.77)")
    assert split_after_number("3 of 5") == ("3", " of 5")
    assert split_after_number("reached by 1 of 3") == ("reached by 1 of 3", "")


@pytest.mark.skipif(not has_siunitx(), reason="pdflatex with the package siunitx is not installed")
def test_latex_sets_them_with_every_number(tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text(_PAPER.format(to_latex(SHEET, siunitx=True)))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "paper.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True)
        shown = re.sub(r"\s", "", text.stdout)
        for number in ("88.89±1.48", "94.78±0.00", "−5.89±12.37", "+1.17", "1,200,000", "(0.00to0.77)"):
            assert number in shown
