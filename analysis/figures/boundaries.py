"""The figure `decision_boundary`: what a network with two inputs and two classes decides, a panel for each level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.figures.style import BLUE, ORANGE, PAGE_WIDTH, legend_of, panel_grid, plain
from analysis.frames.decisions import Decision, decision
from analysis.frames.evidence import Evidence
from analysis.frames.outcomes import outcome_words
from analysis.tables.tables import Line, TableView
from analysis.text import format_number
from tune_jobs.ledger.record import GRID_REACH, MISSING, Record
from tune_jobs.study.figures import TWO_INPUTS

CLASS_COLOURS = (BLUE, ORANGE)
CLASS_MARKERS = ("o", "^")
COLUMNS = 4
_MOST_PANELS = 15
_SHADES = LinearSegmentedColormap.from_list("classes", ("#7FB8D8", "#FFFFFF", "#EAAE7F"))
_TITLE_WIDTH = 26
_MISSED: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": "black", "markeredgewidth": 0.8}


@dataclass(frozen=True, eq=False)
class BoundaryPanel:
    """A level and its decision; without one, a note says why."""

    label: str
    decision: Decision | None = None
    note: str = ""


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the first replicate of each level: the figure and its caption; None where no predictions are kept."""
    rows = [evidence.standing.rows[line.position] for line in view.lines]
    if not all(row.config is None or TWO_INPUTS.is_met(row.config) for row in rows):
        return None
    records = evidence.predictions(rows)
    panels = [_panel(line, evidence, records) for line in view.lines[:_MOST_PANELS]]
    if all(panel.decision is None for panel in panels):
        return None
    names = next(row.config.dataset_info.features for row in rows if row.config is not None)
    first_seed = next(one.seed for row in rows for one in evidence.standing.of(row))
    caption = boundaries_caption(view.title, view.headings, replicate=f"seed {first_seed}")
    if len(view.lines) > _MOST_PANELS:
        caption += f" The first {_MOST_PANELS} of {len(view.lines)} levels are shown."
    return boundaries_figure(panels, names=(names[0], names[1])), caption


def draw_decision(ax: Axes, shown: Decision) -> Axes:
    """Draw the scores as shades, the boundary as a line, and the points, with a cross on those misclassified."""
    left, right, bottom, top = shown.extent
    side = len(shown.scores)
    # Grid points are the centres of pixels: half a pixel lies beyond the outermost.
    x, y = (right - left) / (side - 1) / 2, (top - bottom) / (side - 1) / 2
    ax.imshow(
        shown.scores,
        cmap=_SHADES,
        vmin=0.0,
        vmax=1.0,
        origin="lower",
        extent=(left - x, right + x, bottom - y, top + y),
        aspect="auto",
        interpolation="bilinear",
    )
    if shown.scores.min() < 0.5 < shown.scores.max():
        across, up = np.linspace(left, right, side), np.linspace(bottom, top, side)
        ax.contour(across, up, shown.scores, levels=[0.5], colors="black", linewidths=1.0)
    for number, (colour, marker) in enumerate(zip(CLASS_COLOURS, CLASS_MARKERS, strict=True)):
        points = shown.points[shown.classes == number]
        ax.plot(points[:, 0], points[:, 1], **_point(colour, marker), markersize=3.2)
    missed = shown.points[shown.missed]
    ax.plot(missed[:, 0], missed[:, 1], **_MISSED, markersize=3.8)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    return ax


def boundaries_figure(
    panels: Sequence[BoundaryPanel],
    *,
    names: tuple[str, str] = ("First input", "Second input"),
    columns: int = COLUMNS,
) -> Figure:
    """Draw the levels' decisions as small panels, at most `columns` in a row; `names` are those of the two inputs.

    Raises:
        ValueError: no panels.
    """
    if not panels:
        raise ValueError("panels: none were given; give at least one")
    rows, width = panel_grid(len(panels), columns)
    extents = np.array([panel.decision.extent for panel in panels if panel.decision is not None])
    shared = len(extents) == 0 or bool(np.allclose(extents, extents[0]))
    titles = [_title(panel) for panel in panels]
    lines = max(title.count("\n") for title in titles) + 1
    wide = width > 2
    size = (min(0.75 + 1.85 * width, PAGE_WIDTH), (0.7 if wide else 0.9) + rows * (1.75 + 0.14 * lines))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False, sharex=shared, sharey=shared)
    for ax, panel, title in zip(axes.flat, panels, titles, strict=False):
        ax.set_title(title, fontsize="small", linespacing=1.15)
        _draw_panel(ax, panel, ticks=shared and len(extents) > 0)
    _name_axes(axes, len(panels), names)
    drawn = [ax for ax, panel in zip(axes.flat, panels, strict=False) if panel.decision is not None]
    if drawn:
        decisions = [panel.decision for panel in panels if panel.decision is not None]
        _add_legend(figure, axes, drawn[0], decisions, columns=4 if wide else 2)
    return figure


def boundaries_caption(title: str, headings: Sequence[str], *, replicate: str) -> str:
    """Say what a reader must know to read a table's boundaries, which are those of one replicate ("seed 0")."""
    level = " and ".join(headings)
    level = level[:1].lower() + level[1:]
    return (
        f"{title}: what the network of {replicate} predicts at each point, after the epoch that the table shows. "
        "Shades are the score of class 1, and the line is the boundary between the classes. Marks are the validation "
        f"points, crossed out where they are misclassified. Above each panel: {level}, and this replicate's validation "
        "accuracy."
    )


def _panel(line: Line, evidence: Evidence, records: Mapping[str, Record]) -> BoundaryPanel:
    row, label = evidence.standing.rows[line.position], ", ".join(line.shown_labels)
    if row.config is None:
        return BoundaryPanel(label, note="cannot be built")
    if row.config.input_transform != "none":
        return BoundaryPanel(label, note="its inputs are transformed, and a straight axis cannot show them")
    first = evidence.standing.of(row)[0]
    seed = first.seed
    trials = evidence.trials
    trial = trials[(trials["position"] == line.position) & (trials["seed"] == seed)].iloc[0]
    record, stored = records.get(first.key), evidence.targets(first)
    if record is None or trial.isna()["epoch"]:
        outcome = trial["outcome"]
        return BoundaryPanel(label, note="not run yet" if outcome == MISSING else outcome_words(outcome))
    epoch = int(trial["epoch"])
    if epoch not in record.measured_epochs or not record.grid_outputs or "inputs" not in stored:
        return BoundaryPanel(label, note="no predictions are kept")
    shown = decision(
        record.grid_predictions(epoch),
        record.predictions(epoch),
        stored,
        objective=row.config.objective,
        reach=GRID_REACH,
    )
    return BoundaryPanel(label, shown)


def _draw_panel(ax: Axes, panel: BoundaryPanel, *, ticks: bool) -> None:
    """Draw a level's decision, or its note; beside a note, ticks only where they are those of the other panels."""
    if panel.decision is not None:
        draw_decision(ax, panel.decision)
    else:
        ax.text(0.5, 0.5, plain(fill(panel.note, 18)), ha="center", va="center", transform=ax.transAxes)
        if not ticks:
            ax.set(xticks=[], yticks=[])
    ax.tick_params(labelsize="small")


def _name_axes(axes: NDArray[Any], panels: int, names: tuple[str, str]) -> None:
    """Name the inputs at the left and below the last panel of each column, and hide axes without a panel."""
    width = axes.shape[1]
    for number, ax in enumerate(axes.flat):
        if number >= panels:
            ax.set_axis_off()
            continue
        if number + width >= panels:
            ax.set_xlabel(plain(names[0]), fontsize="small")
            ax.tick_params(labelbottom=True)
        if number % width == 0:
            ax.set_ylabel(plain(names[1]), fontsize="small")


def _title(panel: BoundaryPanel) -> str:
    label = fill(panel.label, _TITLE_WIDTH)
    if panel.decision is None:
        return plain(label)
    return plain(f"{label}\n{format_number(panel.decision.accuracy, 1)}%")


def _add_legend(
    figure: Figure, axes: NDArray[Any], drawn: Axes, decisions: Sequence[Decision], *, columns: int
) -> None:
    """Add a colour bar of the scores, and a legend of points and boundary."""
    scores = [value for shown in decisions for value in (shown.scores.min(), shown.scores.max())]
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    extend = beyond[bool(min(scores) < 0), bool(max(scores) > 1)]
    bar = figure.colorbar(drawn.images[0], ax=axes, extend=extend, fraction=0.04, pad=0.015, aspect=25)
    bar.set_ticks([0.0, 0.5, 1.0])
    bar.set_label("Score of class 1", fontsize="small")
    bar.ax.tick_params(labelsize="small")
    handles = [
        *(
            Line2D([], [], **_point(colour, marker), markersize=5, label=f"Class {number}")
            for number, (colour, marker) in enumerate(zip(CLASS_COLOURS, CLASS_MARKERS, strict=True))
        ),
        Line2D([], [], **_MISSED, markersize=5, label="Misclassified"),
        Line2D([], [], color="black", linewidth=1.0, label="Boundary"),
    ]
    legend_of(figure, handles, columns=columns)


def _point(colour: str, marker: str) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": marker,
        "color": colour,
        "markeredgecolor": "white",
        "markeredgewidth": 0.35,
    }
