"""Loads the functions that draw the figures of a study, which are listed in `tune_jobs.study.figures`."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from matplotlib.figure import Figure

from analysis.frames.evidence import Evidence
from analysis.tables.tables import TableView
from tune_jobs.study.figures import FIGURES

# The figure of a table and its caption; None where there is nothing to draw.
Draw = Callable[[TableView, Evidence], tuple[Figure, str] | None]


def drawing(name: str) -> Draw:
    """Load the function that draws the figure of this name."""
    module, _, function = FIGURES[name].target.partition(":")
    return cast(Draw, getattr(import_module(module), function))
