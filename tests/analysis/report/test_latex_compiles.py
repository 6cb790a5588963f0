"""The LaTeX of every shipped study compiles, and no table is wider than its page."""

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analysis.report.report import write_report
from analysis.report.tables_tex import STYLES
from tests.analysis.tables.test_siunitx import has_siunitx
from tune_jobs.study.load import shipped_studies

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed"),
]
# What a line may stick out, in points.
_SLACK = 3.0
_PAPER = "\\documentclass{article}\n\\usepackage{PACKAGES}\n\\begin{document}\n\\input{tables}\n\\end{document}\n"
ODD = "% _ & \\\\ # $ { } ~ ^ | `code` < > \\\" '' -- 🙂 עברית é ≈ Đ"
HOSTILE = f"""\
title: "{ODD}"
description: "{ODD}"
base: {{dataset: digits, hidden_units: 8, epochs: 3}}
tables:
  - title: "Odd {ODD}"
    name: odd
    label: "{ODD}"
    levels:
      - {{label: "{ODD}", set: {{hidden_units: 4}}}}
      - {{label: "=1+1 \\\\end{{document}}", set: {{hidden_units: 8}}}}
      - {{label: "{"long" * 30}", set: {{hidden_units: 16}}}}
"""


def compiled(folder: Path, name: str) -> str:
    """Compile a document, and return its log."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / name).with_suffix(".log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


def check(standing: Any, folder: Path, *, slack: float = _SLACK, siunitx: bool = False) -> None:
    packages = "booktabs,siunitx" if siunitx else "booktabs"
    for style in STYLES:
        write_report(standing, folder, style=style, siunitx=siunitx)
        (folder / "paper.tex").write_text(_PAPER.replace("PACKAGES", packages))
        for name in ("report.tex", "paper.tex"):
            log = compiled(folder, name)
            wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
            assert max(wide, default=0.0) <= slack, (name, style, wide)
            assert "Missing character" not in log


@pytest.mark.skipif(not has_siunitx(), reason="the LaTeX package siunitx is not installed")
def test_the_latex_with_siunitx_compiles(run_shipped: Any, run: Any, tmp_path: Path) -> None:
    check(run_shipped("martini_jamal_2026").standing, tmp_path, siunitx=True)
    check(run(HOSTILE).standing, tmp_path, slack=math.inf, siunitx=True)


@pytest.mark.parametrize("name", shipped_studies())
def test_the_latex_of_a_shipped_study_compiles(name: str, run_shipped: Any, tmp_path: Path) -> None:
    check(run_shipped(name).standing, tmp_path)


def test_the_latex_of_odd_names_compiles(run: Any, tmp_path: Path) -> None:
    check(run(HOSTILE).standing, tmp_path, slack=math.inf)
