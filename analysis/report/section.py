"""What a section of a report consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.report.summary import Fact
from analysis.tables.sheet import Sheet
from analysis.tables.tables import TableView


@dataclass(frozen=True)
class Picture:
    """A figure with its file name and caption."""

    name: str
    figure: Figure = field(repr=False)
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A section: paragraphs, facts, a table of the study, further tables, figures. Any of them may be empty.

    Attributes:
        base: the configuration that the section's levels change, in a line; "" without one.
        command: that runs what the section shows; "" where there is none.
        view: a table of the study.
        sheets: further tables.
        frames: numbers that are written only as CSV, by file name.
    """

    name: str
    title: str
    paragraphs: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    view: TableView | None = None
    sheets: Sequence[Sheet] = ()
    pictures: Sequence[Picture] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    base: str = ""
    command: str = ""
