"""A section of a report, and a picture in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.report.summary import Fact
from analysis.tables.sheet import Sheet
from analysis.tables.tables import TableView


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its file and its caption."""

    name: str
    figure: Figure = field(repr=False)
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report: words, a study's table, further tables, and figures; any may be left out.

    Attributes:
        frames: numbers that are written as CSV alone, by the name of their file.
    """

    name: str
    title: str
    paragraphs: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    view: TableView | None = None
    sheets: Sequence[Sheet] = ()
    pictures: Sequence[Picture] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
