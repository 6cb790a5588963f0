"""What all figures share: colours, axes, legends, and text that matplotlib does not interpret."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke

# The palette of Okabe and Ito for colour-blind readers, without its yellow, which is lost on white. Black is kept for
# the default.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PALETTE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
DEFAULT_COLOUR = "#000000"
# Marks that matter less, thin helper lines and remarks, and bands of what chance alone does.
GREY, DARK_GREY, LIGHT_GREY = "#8C8C8C", "#666666", "#DDDDDD"
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
# A horizontal line that marks a value to compare with.
REFERENCE_LINE: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 0}
# Behind text that stands on top of a drawing.
TEXT_BOX: dict[str, Any] = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
# The width of a column of text, in inches: figures have it, so that none is scaled, and all text has one size.
PAGE_WIDTH = 7.5
# Characters after which a tick's label is broken.
TICK_WIDTH = 24
_LEGEND_LINE_INCHES = 0.19
_HANDLE_INCHES, _LETTER_INCHES = 0.6, 0.075
_LEGEND_ENTRY_INCHES = 1.7
_LEGEND_WIDTH = 30


@contextmanager
def boxes_for_missing_letters() -> Iterator[None]:
    """Say nothing of characters that the font lacks, which are drawn as boxes; the tables show them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def plain(text: str) -> str:
    """Shield text from matplotlib: a dollar starts no formula, and a leading underscore hides no legend entry."""
    shielded = text.replace("$", r"\$")
    return f" {shielded}" if shielded.startswith("_") else shielded


def axis_label(name: str, unit: str) -> str:
    """Name an axis: "Validation RMSE (dollars)"."""
    return plain(f"{name} ({unit})" if unit else name)


def style_axes(ax: Axes, grid: Any = "both") -> Axes:
    """Give an axes the look of every figure: a faint grid below the data, no frame at the top and the right."""
    ax.grid(axis=grid, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def white_outline() -> list[AbstractPathEffect]:
    """Outline text in white, which keeps it legible on top of lines."""
    return [withStroke(linewidth=3, foreground="white")]


def write_reason(ax: Axes, place: float, words: str, *, width: int) -> None:
    """Say at a place on the x axis why nothing is drawn there, in lines of at most `width` characters."""
    ax.text(
        place,
        0.5,
        plain(fill(words, width)),
        transform=ax.get_xaxis_transform(),
        ha="center",
        va="center",
        fontsize="small",
        bbox=TEXT_BOX,
        zorder=4,
    )


def panel_grid(panels: int, columns: int) -> tuple[int, int]:
    """Arrange panels in at most so many columns: the numbers of rows and columns."""
    width = min(columns, panels)
    return -(-panels // width), width


def legend_under(figure: Figure, ax: Axes, title: str) -> Figure:
    """Add the legend of an axes below all axes, with its title, and make the figure higher by that."""
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return figure
    wrapped = [_wrapped(label) for label in labels]
    longest = max(len(line) for label in wrapped for line in label.split("\n"))
    columns = int(min(max(figure.get_figwidth() / (_HANDLE_INCHES + _LETTER_INCHES * longest), 1), len(wrapped)))
    # Matplotlib fills columns from above: each row is as high as the highest entry in it.
    entry = max(1 + label.count("\n") for label in wrapped)
    lines = 1.5 + entry * -(-len(wrapped) // columns)
    figure.set_figheight(figure.get_figheight() + lines * _LEGEND_LINE_INCHES)
    figure.legend(
        handles,
        wrapped,
        loc="outside lower center",
        ncols=columns,
        title=plain(title),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        handlelength=2.6,
    )
    return figure


def legend_below(figure: Figure, axes: Iterable[Axes]) -> Figure:
    """Add one legend below the axes, with every entry that any of them has."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        columns = max(1, int(figure.get_figwidth() / _LEGEND_ENTRY_INCHES))
        legend_of(figure, list(found.values()), list(found), columns=min(columns, len(found)))
    return figure


def legend_of(
    figure: Figure, handles: list[Any], labels: list[str] | None = None, *, columns: int, loc: str = "lower"
) -> Figure:
    """Add a legend of these handles below the axes, or above them with `loc` "upper"."""
    named = [str(handle.get_label()) for handle in handles] if labels is None else labels
    style: dict[str, Any] = {"loc": f"outside {loc} center", "frameon": False, "fontsize": "small"}
    figure.legend(handles, named, ncols=columns, **style)
    return figure


def _wrapped(label: str) -> str:
    """Break a label into lines that leave room for the axes."""
    lines = (fill(line, _LEGEND_WIDTH, break_long_words=False) for line in label.split("\n"))
    return "\n".join(lines)
