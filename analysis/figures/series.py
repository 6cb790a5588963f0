"""A table's levels as the lines of a figure, with their curves, colours and marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from analysis.figures.style import DASHES, DEFAULT_COLOUR, PALETTE, plain
from analysis.tables.captions import DEFAULT_MARK
from analysis.tables.tables import Line, TableView

DEFAULT_WIDTH, LEVEL_WIDTH = 2.4, 1.5
# Longer marks would overlap each other and the axis; letters take their place.
_LONGEST_MARK = 8

Places = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Series:
    """One line of a figure: the levels that share a trajectory.

    Attributes:
        levels: in words, the default marked.
        curves: of `curves_frame`, of the longest of the levels; empty where nothing was run.
        ended: how replicates diverged, failed or timed out, in words; then there is no mean line.
        marks: what is written at which (seed, epoch), where several levels share the line.
        key: what the marks stand for, where they are letters.
    """

    levels: str
    is_default: bool
    colour: str
    dashes: Any
    curves: pd.DataFrame
    ended: str = ""
    marks: tuple[tuple[str, Places], ...] = ()
    key: str = ""

    @property
    def label(self) -> str:
        """The entry in the legend."""
        shared = "\n(one trajectory, marked)" if self.marks else ""
        levels = self.key or self.levels
        return plain(f"{levels} ({self.ended})" if self.ended else levels + shared)

    @property
    def width(self) -> float:
        """Line width in points."""
        return DEFAULT_WIDTH if self.is_default else LEVEL_WIDTH

    @property
    def epochs(self) -> int:
        """How many epochs the longest replicate has; 0 where nothing was run."""
        return 0 if self.curves.empty else int(self.curves["epoch"].max())

    def wide(self, value: str) -> pd.DataFrame:
        """One of the curves as epochs × seeds, NaN after the end of a replicate."""
        return self.curves.pivot(index="epoch", columns="seed", values=value).astype(float)


def series_of(view: TableView, curves: pd.DataFrame, trials: pd.DataFrame) -> list[Series]:
    """Turn a table's levels into lines; levels that read one trajectory at several epochs share a line.

    Args:
        view: the table.
        curves: of `curves_frame`.
        trials: of `analysis.frames.frames.trials_frame`.
    """
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in view.lines:
        keys = trials.loc[trials["position"] == line.position, "key"]
        groups.setdefault(tuple(keys) or (f"row {line.position}",), []).append(line)
    looks = styles(view)
    return [_series(lines, looks, curves, trials) for lines in groups.values()]


def styles(view: TableView) -> dict[int, tuple[str, Any]]:
    """Choose colour and dashes for each line of a table, by its position; equal levels of a report look alike.

    Of two crossed factors, one decides the colour and the other the dashes.
    """
    lines = view.lines
    if len(view.headings) == 2 and (crossed := _crossed(view)):
        return crossed
    pairs = [(colour, dashes) for dashes, colour in product(DASHES, PALETTE)]
    others = [line for line in lines if not line.is_default]
    numbers = [view.numbers.get(line.labels, -1) % len(pairs) for line in others]
    if len(set(numbers)) < len(others) or any(line.labels not in view.numbers for line in others):
        numbers = [number % len(pairs) for number in range(len(others))]
    looks = {line.position: pairs[number] for number, line in zip(numbers, others, strict=True)}
    return looks | {line.position: (DEFAULT_COLOUR, "-") for line in lines if line.is_default}


def _crossed(view: TableView) -> dict[int, tuple[str, Any]]:
    """The looks of two crossed factors: one has the colours of its levels' own table, the other dashes.

    Empty where these are too few.
    """
    lines = view.lines
    levels = [list(dict.fromkeys(line.labels[i] for line in lines)) for i in range(2)]
    coloured = max((0, 1), key=lambda i: len(levels[i]))
    dashed = 1 - coloured
    default = next((line.labels for line in lines if line.is_default), None)
    colours = _own_colours(levels[coloured], view, coloured, default[coloured] if default else "")
    ways = sorted(levels[dashed], key=lambda level: default is not None and level != default[dashed])
    if not colours or len(ways) > len(DASHES):
        return {}
    return {line.position: (colours[line.labels[coloured]], DASHES[ways.index(line.labels[dashed])]) for line in lines}


def _own_colours(levels: Sequence[str], view: TableView, factor: int, default: str) -> dict[str, str]:
    """The colour of each level of a crossed factor, that of the factor's own table where it has one; empty if too few.

    The default's level is black.
    """
    own = view.factors[factor] if view.factors else {}
    others = [level for level in levels if level != default]
    known = {level: own[level] for level in others if level in own and own[level] < len(PALETTE)}
    free = [number for number in range(len(PALETTE)) if number not in known.values()]
    left = [level for level in others if level not in known]
    if len(left) > len(free):
        return {}
    numbers = known | dict(zip(left, free, strict=False))
    return {level: PALETTE[number] for level, number in numbers.items()} | {default: DEFAULT_COLOUR}


def level_words(line: Line) -> str:
    """Name a level, the default marked."""
    return ", ".join(line.labels) + DEFAULT_MARK * line.is_default


def _series(
    lines: Sequence[Line], looks: dict[int, tuple[str, Any]], curves: pd.DataFrame, trials: pd.DataFrame
) -> Series:
    by_line = {line.position: curves[curves["position"] == line.position] for line in lines}
    longest = max(lines, key=lambda line: len(by_line[line.position]))
    leading = next((line for line in lines if line.is_default), lines[0])
    ended = next((line.ended for line in lines if line.ended), "")
    if by_line[longest.position].empty and not ended:
        ended = "not run" if longest.outcomes else "cannot be built"
    marks, key = _marks(lines, trials) if len(lines) > 1 else ((), "")
    return Series(
        levels=", ".join(level_words(line) for line in lines),
        is_default=any(line.is_default for line in lines),
        colour=looks[leading.position][0],
        dashes=looks[leading.position][1],
        curves=by_line[longest.position],
        ended=ended,
        marks=marks,
        key=key,
    )


def _marks(lines: Sequence[Line], trials: pd.DataFrame) -> tuple[tuple[tuple[str, Places], ...], str]:
    """Mark where each level is read; where a name is too long, marks are letters that the key explains."""
    levels: dict[Places, list[str]] = {}
    for line in lines:
        levels.setdefault(_places(trials[trials["position"] == line.position]), []).append(level_words(line))
    named = [(", ".join(names), places) for places, names in levels.items()]
    if all(len(name) <= _LONGEST_MARK for name, _ in named):
        return tuple(named), ""
    letters = [chr(ord("a") + number) for number in range(len(named))]
    key = "\n".join(f"{letter}: {name}" for letter, (name, _) in zip(letters, named, strict=True))
    return tuple((letter, places) for letter, (_, places) in zip(letters, named, strict=True)), key


def _places(trials: pd.DataFrame) -> Places:
    read = trials[trials["epoch"].notna()]
    return tuple((int(seed), int(epoch)) for seed, epoch in zip(read["seed"], read["epoch"], strict=True))
