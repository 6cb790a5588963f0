"""Decision boundaries of a problem with two inputs and two classes: one panel for each level of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from analysis.figures.style import PALETTE, plain
from analysis.text import format_number

CLASS_COLOURS = (PALETTE[0], PALETTE[1])
CLASS_MARKERS = ("o", "^")
COLUMNS = 5
_SHADES = LinearSegmentedColormap.from_list("classes", ("#7FB8D8", "#FFFFFF", "#EAAE7F"))
_TITLE_WIDTH = 26
_MISSED: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": "black", "markeredgewidth": 0.8}


@dataclass(frozen=True, eq=False)
class Decision:
    """What one replicate of a level has learnt to tell apart.

    Attributes:
        scores: of class 1 on the grid, [side, side]: rows are the second input, columns the first, both ascending.
            The boundary is at 0.5.
        extent: left, right, bottom and top of the grid, in the unit of the points.
        points: the validation inputs, [n, 2].
        classes: their classes, 0 or 1, [n].
        missed: which of them are predicted to be of the other class, bool [n].
    """

    scores: NDArray[np.float64]
    extent: tuple[float, float, float, float]
    points: NDArray[np.float64]
    classes: NDArray[np.int64]
    missed: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Accuracy on the points, in percent."""
        return 100.0 * float(1 - self.missed.mean())


@dataclass(frozen=True, eq=False)
class BoundaryPanel:
    """A level and its decision; None where there is no network to ask, with a note that says why."""

    label: str
    decision: Decision | None = None
    note: str = ""


def margin(outputs: ArrayLike, *, objective: str) -> NDArray[np.float64]:
    """Return how far outputs [n, 1 or 2] speak for class 1, [n]: above 0 it is what the network predicts.

    One output is a logit, or with the objective "mse" a number between 0 and 1; two are logits.

    Raises:
        ValueError: the outputs are not of two classes.
    """
    array = np.asarray(outputs, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] not in (1, 2):
        raise ValueError(f"outputs: shape {array.shape} is not of two classes; give [n, 1] or [n, 2]")
    if array.shape[1] == 2:
        return array[:, 1] - array[:, 0]
    return array[:, 0] - 0.5 if objective == "mse" else array[:, 0]


def score(outputs: ArrayLike, *, objective: str) -> NDArray[np.float64]:
    """Return the score of class 1, [n]: its probability, or with one output and "mse" that output, which may leave
    0 to 1; see `margin`.
    """
    speaks = margin(outputs, objective=objective)
    if objective == "mse" and np.shape(outputs)[1] == 1:
        return speaks + 0.5
    probabilities: NDArray[np.float64] = expit(speaks)
    return probabilities


def decision(
    grid_outputs: ArrayLike, outputs: ArrayLike, stored: Mapping[str, NDArray[Any]], *, objective: str, reach: float
) -> Decision:
    """Return what a replicate decides, in the source's unit where the inputs' scaling is stored.

    Args:
        grid_outputs: the network's outputs, [side², 1 or 2], on a square grid of standardised inputs from -reach to
            reach, the first input running fastest.
        outputs: the network's outputs on the validation part, [n, 1 or 2].
        stored: `inputs` [n, 2], standardised, and `targets` [n], 0 or 1; `input_offset` and `input_scale` [2].
        objective: that the network was trained with.
        reach: of the grid.

    Raises:
        ValueError: the grid is not square, or inputs, targets and outputs are not of the same rows.
    """
    grid = score(grid_outputs, objective=objective)
    side = isqrt(grid.size)
    if side < 2 or side * side != grid.size:
        raise ValueError(f"grid_outputs: {grid.size} points are no square grid; give side² of them, at least 4")
    classes = np.asarray(stored["targets"], dtype=np.int64)
    inputs = np.asarray(stored["inputs"], dtype=np.float64)
    predicted = margin(outputs, objective=objective) > 0
    if inputs.shape != (classes.size, 2) or predicted.size != classes.size:
        raise ValueError(
            f"inputs, targets and outputs: {inputs.shape}, {classes.shape} and {np.shape(outputs)} are not of the "
            "same rows with two inputs"
        )
    offset = np.asarray(stored.get("input_offset", np.zeros(2)), dtype=np.float64)
    scale = np.asarray(stored.get("input_scale", np.ones(2)), dtype=np.float64)
    (left, bottom), (right, top) = offset - reach * scale, offset + reach * scale
    return Decision(
        scores=grid.reshape(side, side),
        extent=(float(left), float(right), float(bottom), float(top)),
        points=inputs * scale + offset,
        classes=classes,
        missed=predicted != (classes == 1),
    )


def draw_decision(ax: Axes, shown: Decision) -> Axes:
    """Draw the scores as shades with the boundary as a line, and the points, those crossed out that are missed."""
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
    """Return the levels' decisions as small multiples, in rows of so many; the names are those of the two inputs.

    Raises:
        ValueError: no panels.
    """
    if not panels:
        raise ValueError("panels: none were given; give at least one")
    width = min(columns, len(panels))
    rows = -(-len(panels) // width)
    extents = np.array([panel.decision.extent for panel in panels if panel.decision is not None])
    shared = len(extents) == 0 or bool(np.allclose(extents, extents[0]))
    titles = [_title(panel) for panel in panels]
    lines = max(title.count("\n") for title in titles) + 1
    wide = width > 2
    size = (0.75 + 1.85 * width, (0.7 if wide else 0.9) + rows * (1.75 + 0.14 * lines))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False, sharex=shared, sharey=shared)
    for ax, panel, title in zip(axes.flat, panels, titles, strict=False):
        ax.set_title(title, fontsize="small", linespacing=1.15)
        if panel.decision is not None:
            draw_decision(ax, panel.decision)
        else:
            ax.text(0.5, 0.5, plain(fill(panel.note, 18)), ha="center", va="center", transform=ax.transAxes)
            if len(extents) == 0 or not shared:
                ax.set(xticks=[], yticks=[])
        ax.tick_params(labelsize="small")
    for number, ax in enumerate(axes.flat):
        last = number + width >= len(panels)
        if number >= len(panels):
            ax.set_axis_off()
            continue
        if last:
            ax.set_xlabel(plain(names[0]), fontsize="small")
            ax.tick_params(labelbottom=True)
        if number % width == 0:
            ax.set_ylabel(plain(names[1]), fontsize="small")
    if len(extents):
        drawn = [ax for ax, panel in zip(axes.flat, panels, strict=False) if panel.decision is not None]
        decisions = [panel.decision for panel in panels if panel.decision is not None]
        _key(figure, axes, drawn[0], decisions, legend_columns=4 if wide else 2)
    return figure


def boundaries_caption(title: str, headings: Sequence[str], *, replicate: str) -> str:
    """Return what a reader must know to read the boundaries of a table, of one replicate in words ("seed 0")."""
    level = " and ".join(headings)
    level = level[:1].lower() + level[1:]
    return (
        f"{title}: what the network of {replicate} predicts where, after the epoch that the table shows. Shades are "
        "the score of class 1, the line is the boundary between the classes; marks are the validation points, "
        f"crossed out where they are predicted to be of the other class. Above each panel: {level}, and "
        "this replicate's validation accuracy."
    )


def _title(panel: BoundaryPanel) -> str:
    label = fill(panel.label, _TITLE_WIDTH)
    if panel.decision is None:
        return plain(label)
    return plain(f"{label}\n{format_number(panel.decision.accuracy, 1)}%")


def _key(
    figure: Figure, axes: NDArray[Any], drawn: Axes, decisions: Sequence[Decision], *, legend_columns: int
) -> None:
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
    figure.legend(handles=handles, loc="outside lower center", ncols=legend_columns, frameon=False, fontsize="small")


def _point(colour: str, marker: str) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": marker,
        "color": colour,
        "markeredgecolor": "white",
        "markeredgewidth": 0.35,
    }
