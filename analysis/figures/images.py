"""Validation images as figures: some of each class, and those that are classified worst."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.style import PAGE_WIDTH, panel_grid, plain
from analysis.frames.images import DatasetImages, Misjudged, Worst
from tune_jobs.words import counted

MOST_WORST = 12
_OF_A_CLASS, _MOST_CLASSES = 12, 20
_COLUMNS = 6
# Of the side of an image, in pixels: larger ones are thinned out, which a figure cannot show anyway.
_MOST_PIXELS = 64
_GAP = 0.08
_CELL_INCHES = 0.38
_MOST_LETTERS = 12


def samples_figure(images: DatasetImages) -> Figure:
    """Draw some images of each class, a line for each."""
    kept, names = images.kept, class_names(images)
    classes = np.unique(kept.targets)[:_MOST_CLASSES].tolist()
    shown = [_short(names[one]) for one in classes]
    lines = [kept.images[kept.targets == one][:_OF_A_CLASS] for one in classes]
    board, height, width = mosaic(lines)
    inches = _CELL_INCHES * board.shape[1] / width, _CELL_INCHES * board.shape[0] / width
    label = 0.25 + 0.08 * max(map(len, shown))
    figure = Figure(figsize=(min(PAGE_WIDTH, inches[0] + label), inches[1] + 0.2), layout="constrained")
    ax = figure.subplots()
    ax.imshow(board, interpolation="none")
    ax.set_xticks([])
    ax.set_yticks([height * (line + 0.5) - 0.5 for line in range(len(lines))], shown)
    ax.tick_params(length=0, labelsize="small")
    ax.spines[:].set_visible(False)
    return figure


def samples_caption(images: DatasetImages) -> str:
    """Say what the samples are, and what they were chosen from."""
    label, names = images.config.dataset_info.label, class_names(images)
    first = f"the first {_MOST_CLASSES} of {len(names)} classes" if len(names) > _MOST_CLASSES else "each class"
    return (
        f"{label}: the first images of {first}, at most {_OF_A_CLASS}, among {_chosen(images)}. "
        "Brightness is comparable between images: the least value of all is black."
    )


def worst_figure(images: Sequence[Misjudged], names: Sequence[str]) -> Figure:
    """Draw images that are classified badly, with their class, the predicted class and the probabilities of both."""
    rows, width = panel_grid(len(images), _COLUMNS)
    figure = Figure(figsize=(0.2 + 1.2 * width, 1.45 * rows), layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False)
    for ax in axes.flat[len(images) :]:
        ax.set_axis_off()
    for one, ax in zip(images, axes.flat, strict=False):
        ax.imshow(picture(one.image), interpolation="none")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_linewidth(0.4)
        own = f"class {_short(names[one.own])}{_percent(one.own_probability)}"
        said = f"predicted {_short(names[one.predicted])}{_percent(one.predicted_probability)}"
        ax.set_xlabel(f"{own}\n{said}", fontsize="small")
    return figure


def worst_caption(worst: Worst, images: DatasetImages, words: str) -> str:
    """Say whose mistakes are shown; `words` name the configuration."""
    known = worst.images[0].own_probability is not None
    order = "the lowest probability of their class" if known else "the largest loss"
    beside = ", with the probabilities of their class and of the predicted one" if known else ""
    label, count = images.config.dataset_info.label, counted(len(worst.images), "validation image")
    return (
        f"{label}: the {count} with {order}{beside}. Predictions: {words}, replicate of seed {worst.seed}, after epoch "
        f"{worst.epoch}. Chosen among {_chosen(images)}, of which {worst.wrong:,} "
        f"{'is' if worst.wrong == 1 else 'are'} classified wrongly."
    )


def mosaic(lines: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], int, int]:
    """Join images to one, a line for each array [n, channels, height, width], n > 0, with transparent gaps.

    Returns:
        The picture [height, width, 4], and the height and width of a cell, gaps included.
    """
    sample = picture(lines[0][0])
    gap = max(1, round(_GAP * sample.shape[1]))
    height, width = sample.shape[0] + gap, sample.shape[1] + gap
    board = np.zeros((height * len(lines) - gap, width * max(map(len, lines)) - gap, 4), dtype=np.uint8)
    for row, line in enumerate(lines):
        for column, image in enumerate(line):
            cell = board[row * height :, column * width :][: sample.shape[0], : sample.shape[1]]
            cell[..., :3], cell[..., 3] = picture(image), 255
    return board, height, width


def picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn an image [channels, height, width], of one channel or three, into colours [height, width, 3]."""
    step = -(-max(image.shape[1:]) // _MOST_PIXELS)
    thinned = image[:, ::step, ::step].transpose(1, 2, 0)
    return np.repeat(thinned, 3, axis=2) if thinned.shape[2] == 1 else thinned


def class_names(images: DatasetImages) -> Sequence[str]:
    """The names of the classes, or their numbers."""
    info = images.config.dataset_info
    return info.class_names or [str(one) for one in range(info.classes)]


def _chosen(images: DatasetImages) -> str:
    kept, whole = len(images.kept.rows), images.kept.of_rows
    return f"the {whole:,} validation images" if kept == whole else f"{kept:,} of the {whole:,} validation images"


def _short(name: str) -> str:
    return plain(name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…")


def _percent(probability: float | None) -> str:
    if probability is None:
        return ""
    percent = 100.0 * probability
    return f": {'<0.1' if percent < 0.1 else f'{percent:.1f}' if percent < 10 else f'{percent:.0f}'}%"
