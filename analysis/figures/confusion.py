"""The figure `confusion`: which class is predicted for the rows of each, a panel for each level."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.style import panel_grid, plain
from analysis.frames.confusion import mean_confusion
from analysis.frames.evidence import Evidence
from analysis.tables.tables import TableView
from tune_jobs.study.figures import CLASSES

COLUMNS = 3
_MOST_PANELS = 12
# Percentages are written in the cells, and classes named, up to so many.
_MOST_WRITTEN, _MOST_NAMED = 10, 30
_TITLE_WIDTH = 30


@dataclass(frozen=True, eq=False)
class ConfusionPanel:
    """A level, and the percentages [own class, predicted class]; without them a note says so."""

    label: str
    shares: NDArray[np.float64] | None = None


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the mean of each level's replicates: the figure and its caption; None where no predictions are kept."""
    rows = [evidence.standing.rows[line.position] for line in view.lines]
    suited = [row for row in rows if row.config is not None and CLASSES.is_met(row.config)]
    if not suited:
        return None
    records = evidence.predictions(suited)
    panels = [
        ConfusionPanel(
            ", ".join(line.shown_labels),
            mean_confusion(line.position, row, evidence, records) if row in suited else None,
        )
        for line, row in zip(view.lines[:_MOST_PANELS], rows, strict=False)
    ]
    if all(panel.shares is None for panel in panels):
        return None
    infos = [row.config.dataset_info for row in suited if row.config is not None]
    names = infos[0].class_names if all(info.class_names == infos[0].class_names for info in infos) else ()
    caption = confusion_caption(view)
    if len(view.lines) > _MOST_PANELS:
        caption += f" The first {_MOST_PANELS} of {len(view.lines)} levels are shown."
    return confusion_figure(panels, names), caption


def draw_confusion(ax: Axes, shares: NDArray[np.float64], names: Sequence[str] = ()) -> Axes:
    """Draw percentages as shades, written out where there are few classes."""
    ax.imshow(shares, cmap="Blues", vmin=0.0, vmax=100.0)
    classes = len(shares)
    if classes <= _MOST_WRITTEN:
        for (own, predicted), share in np.ndenumerate(shares):
            if share >= 0.5:
                colour = "white" if share > 50 else "black"
                ax.text(predicted, own, f"{share:.0f}", ha="center", va="center", fontsize="x-small", color=colour)
    if classes <= _MOST_NAMED and len(names) == classes:
        shown = [plain(name[:12]) for name in names]
        ax.set_xticks(range(classes), shown, rotation=90)
        ax.set_yticks(range(classes), shown)
    elif classes <= _MOST_WRITTEN:
        ax.set_xticks(range(classes))
        ax.set_yticks(range(classes))
    ax.tick_params(labelsize="small")
    return ax


def confusion_figure(panels: Sequence[ConfusionPanel], names: Sequence[str] = ()) -> Figure:
    """Draw levels as panels; `names` are those of the classes, or empty for their numbers."""
    rows, width = panel_grid(len(panels), COLUMNS)
    figure = Figure(figsize=(0.6 + 2.3 * width, 0.4 + 2.5 * rows), layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False)
    for number, ax in enumerate(axes.flat):
        if number >= len(panels):
            ax.set_axis_off()
            continue
        panel = panels[number]
        ax.set_title(plain(fill(panel.label, _TITLE_WIDTH)), fontsize="small")
        if panel.shares is None:
            ax.text(0.5, 0.5, "no predictions of\nclasses are kept", ha="center", va="center", transform=ax.transAxes)
            ax.set(xticks=[], yticks=[])
            continue
        draw_confusion(ax, panel.shares, names)
        if number + width >= len(panels):
            ax.set_xlabel("Predicted class", fontsize="small")
        if number % width == 0:
            ax.set_ylabel("Class", fontsize="small")
    return figure


def confusion_caption(view: TableView) -> str:
    """Say what a reader must know to read the matrices."""
    return (
        f"{view.title}: of the validation rows of each class (one line of a panel), how many percent are predicted to "
        "be of which; the mean of the replicates, after the epoch that the table shows. The diagonal is what is "
        "right; shares below 0.5% are not written."
    )
