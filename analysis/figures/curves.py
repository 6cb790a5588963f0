"""The figure `curves`: what a table's levels do over the epochs. A new panel is one line in `PANELS`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.dots import dots_caption, dots_figure
from analysis.figures.epoch_axes import draw_curves, focus, loss_label, replicate_words
from analysis.figures.series import Series, series_of
from analysis.figures.style import PAGE_WIDTH, axis_label, legend_under, plain
from analysis.frames.evidence import Evidence
from analysis.tables.captions import compared_words
from analysis.tables.tables import Quantity, TableView


@dataclass(frozen=True)
class Panel:
    """One axes of the figure, and the tables that have it."""

    draw: Callable[[Axes, TableView, Sequence[Series]], Axes]
    fits: Callable[[TableView], bool]


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str]:
    """Draw the levels of a table over the epochs: the figure and its caption.

    Levels that are too many for lines, or that have one epoch, are dots.
    """
    series = series_of(view, evidence.curves, evidence.trials)
    if are_dots(series):
        return dots_figure(view, evidence.trials), dots_caption(view)
    return curves_figure(view, series), curves_caption(view)


def are_dots(series: Sequence[Series]) -> bool:
    """Whether levels are drawn as dots, since they are too many for lines or have one epoch."""
    return len(series) > MOST_LINES or all(entry.epochs < _FEWEST_EPOCHS for entry in series)


def draw_metric(ax: Axes, view: TableView, series: Sequence[Series]) -> Axes:
    """Draw the validation metric over the epochs."""
    heading = axis_label(view.compared_label, view.unit)
    draw_curves(ax, series, value="validation_metric", heading=heading)
    return focus(ax, series, value="validation_metric", higher_is_better=view.higher_is_better)


def draw_loss(ax: Axes, view: TableView, series: Sequence[Series]) -> Axes:
    """Draw the running mean of the train loss over the epochs, on a logarithmic axis where all losses are positive."""
    draw_curves(ax, series, value="train_loss", heading=loss_label("Train", view.losses_of), log=True)
    return ax if ax.get_yscale() == "log" else focus(ax, series, value="train_loss", higher_is_better=False)


# More lines than these lie over each other, and fewer epochs are no line.
MOST_LINES, _FEWEST_EPOCHS = 6, 2
# Beside the compared metric, of those that a training function reports.
_MOST_REPORTED = 2
PANELS = (
    Panel(draw_metric, lambda view: True),
    Panel(draw_loss, lambda view: bool(view.losses_of)),
)


def reported_with_curves(view: TableView, series: Sequence[Series]) -> list[Quantity]:
    """The metrics beside the compared one that the training functions of all levels report in every epoch."""
    return [
        quantity
        for quantity in view.measured
        if quantity.kind == "reported" and all(entry.curves[quantity.name].notna().all() for entry in series)
    ]


def _reported_panels(view: TableView, series: Sequence[Series]) -> list[Panel]:
    """A panel for each of the first metrics that a training function reports beside the compared one."""
    return [
        Panel(partial(_draw_reported, quantity=quantity), lambda view: True)
        for quantity in reported_with_curves(view, series)[:_MOST_REPORTED]
    ]


def _draw_reported(ax: Axes, view: TableView, series: Sequence[Series], *, quantity: Quantity) -> Axes:
    return draw_curves(ax, series, value=quantity.name, heading=plain(view.heading(quantity)))


def curves_figure(view: TableView, series: Sequence[Series]) -> Figure:
    """Draw the panels that fit the table side by side, with one legend for all."""
    panels = [panel for panel in PANELS if panel.fits(view)] + _reported_panels(view, series)
    height = 3.0 if len(panels) > 1 else 3.4
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, ax in zip(panels, axes, strict=True):
        panel.draw(ax, view, series)
    return legend_under(figure, axes[0], view.heading_words)


def curves_caption(view: TableView) -> str:
    """Say what a reader must know to read the curves."""
    loss = ", and the train loss (its running mean)" if view.losses_of else ""
    loss = ", and what else the training function reports" if len(view.reported) > 1 else loss
    return (
        f"{view.title}: {compared_words(view.compared_label)} after each epoch{loss}.{replicate_words(view)} The axis "
        "may leave out the first epochs, single peaks, and levels that are named at its edge with an arrow."
    )
