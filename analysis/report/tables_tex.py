"""The file of tables that a paper takes in as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.report.section import Section
from analysis.tables.latex_text import latex_prose
from analysis.tables.long_latex import sheet_latex
from analysis.tables.paper import latex_sheet

# The tables for LaTeX: whole, or as a paper prints them.
STYLES = (FULL, PAPER) = ("full", "paper")


@dataclass(frozen=True)
class LatexStyle:
    """How tables for LaTeX are written.

    Attributes:
        short: as a paper prints them.
        siunitx: with numbers aligned by the package siunitx.
    """

    short: bool = False
    siunitx: bool = False


def tables_tex(sections: Sequence[Section], shared: Sequence[str], style: LatexStyle) -> str:
    r"""Write the study's tables, each with its test results, for \input into a document that uses booktabs.

    Args:
        sections: of the report, without what their captions share.
        shared: that, in paragraphs.
        style: of the tables.
    """
    tables = [
        sheet_latex(table, siunitx=style.siunitx)
        for section in sections
        if section.view is not None
        for table in (latex_sheet(section.view, short=style.short), *section.sheets)
    ]
    said = [rf"\par\noindent{{\footnotesize {latex_prose(words)}\par}}" for words in shared]
    needed = "booktabs,siunitx" if style.siunitx else "booktabs"
    return "\n".join([rf"% Needs \usepackage{{{needed}}}.", *said, *tables])
