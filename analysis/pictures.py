"""Which figure is drawn for which name in a study's `figures`. A further one is a function and a line here."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from analysis.evidence import Evidence
from analysis.plots import figure_caption, table_figure
from analysis.series import series_of
from analysis.tables import TableView

# A figure and its caption; None where there is nothing to draw.
Drawn = tuple[Figure, str] | None


def _curves(view: TableView, evidence: Evidence) -> Drawn:
    return table_figure(view, series_of(view, evidence.curves, evidence.trials)), figure_caption(view)


PICTURES: Mapping[str, Callable[[TableView, Evidence], Drawn]] = {"curves": _curves}
