"""The figure `losses`: train and validation loss of a table's levels over the epochs, side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.epoch_axes import Limits, draw_curves, good_limits, loss_label, name_off_axis, replicate_words
from analysis.figures.series import Series, series_of
from analysis.figures.style import PAGE_WIDTH, legend_under
from analysis.frames.evidence import Evidence
from analysis.tables.tables import TableView

_FEWEST_EPOCHS = 2
LOSSES = {"train_loss": "Train", "validation_loss": "Validation"}


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the losses of a table's levels: the figure and its caption.

    None for those of training functions, and where no level has more than one epoch.
    """
    series = [] if view.reported else series_of(view, evidence.curves, evidence.trials)
    if all(entry.epochs < _FEWEST_EPOCHS for entry in series):
        return None
    return losses_figure(view, series), losses_caption(view, series)


def losses_figure(view: TableView, series: Sequence[Series]) -> Figure:
    """Draw the train and the validation loss over the epochs, side by side with the same limits.

    The axes are logarithmic unless a level has a loss that is not above zero.
    """
    figure = Figure(figsize=(PAGE_WIDTH, 3.0), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    log = _all_positive(series)
    of = view.losses_of or "differs by level"
    for ax, (value, part) in zip(axes, LOSSES.items(), strict=True):
        draw_curves(ax, series, value=value, heading=loss_label(part, of), log=log)
        ax.tick_params(labelleft=True)
    limits = _log_limits(series) if log else [good_limits(series, value, higher_is_better=False) for value in LOSSES]
    known = [ends for ends in limits if ends is not None]
    if known:
        axes[0].set_ylim(min(low for low, _ in known), max(high for _, high in known))
        for ax, value in zip(axes, LOSSES, strict=True):
            name_off_axis(ax, series, value=value, higher_is_better=False)
    return legend_under(figure, axes[0], view.heading_words)


def losses_caption(view: TableView, series: Sequence[Series]) -> str:
    """Say what a reader must know to read the losses."""
    different = "" if view.losses_of else " Levels have different losses, which cannot be compared with each other."
    cut = " The axis may leave out the first epochs, single peaks, and levels that are named at its edge."
    cut = "" if _all_positive(series) else cut
    return (
        f"{view.title}: train loss (the running mean of each epoch) and validation loss (after it), on the same "
        f"axis.{replicate_words(view)}{different}{cut}"
    )


def _all_positive(series: Sequence[Series]) -> bool:
    return all((entry.curves[value] > 0).all() for entry in series for value in LOSSES if not entry.curves.empty)


def _log_limits(series: Sequence[Series]) -> list[Limits | None]:
    """Limits that a level which ended badly does not stretch; none where every level ended well, or none did."""
    whole = [entry.curves[list(LOSSES)] for entry in series if not entry.curves.empty and not entry.ended]
    if not whole or len(whole) == len(series):
        return []
    values = np.concatenate([losses.to_numpy(dtype=float) for losses in whole])
    return [(float(values.min()) / 1.2, float(values.max()) * 1.2)]
