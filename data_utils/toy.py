"""Toy problems: two classes in the plane that a small network can separate and no line can.

Labels have no noise, and the regions of the two classes never overlap. Classes are balanced.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError, shown
from data_utils.parts import Part, PartName, Rows
from data_utils.registry import TOY_PROBLEMS
from data_utils.splits import random_words

_VERSION = 1
_STREAMS: dict[PartName, tuple[int, int]] = {"development": (3, 1000), "test": (4, 500)}


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Generate the part of the problem that the option ``toy_problem`` selects (default ``xor``)."""
    problem = options.get("toy_problem", TOY_PROBLEMS[0])
    if not isinstance(problem, str) or problem not in TOY_PROBLEMS:
        raise DatasetError(f"toy_problem must be one of {', '.join(TOY_PROBLEMS)}, not {shown(problem)}")
    return Part(_VERSION, (problem.encode(), part.encode()), partial(_generate, problem, part=part))


def _generate(problem: str, *, part: PartName) -> Rows:
    stream, rows = _STREAMS[part]
    words = random_words(2 * rows, stream, TOY_PROBLEMS.index(problem))
    u, v = (words >> np.uint64(11)).reshape(2, rows) * 2.0**-53
    targets = np.arange(rows, dtype=np.int64) % 2
    return Rows(inputs=_POINTS[problem](u, v, targets), targets=targets)


# Each takes uniform random numbers u, v in [0, 1) and targets in {0, 1}, all [n], and returns points [n, 2].


def _xor(u: NDArray[np.float64], v: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squares with a gap around the axes: class 0 where the signs agree, class 1 where they differ."""
    side = np.where(u < 0.5, -1.0, 1.0)
    x = side * (0.05 + 0.95 * (2 * u % 1))
    y = np.where(targets == 0, side, -side) * (0.05 + 0.95 * v)
    return np.stack([x, y], axis=1)


def _circles(u: NDArray[np.float64], v: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """A disc of radius 0.5 (class 0) in a ring from 0.7 to 1 (class 1), each filled evenly."""
    inner, outer = np.where(targets == 0, 0.0, 0.7), np.where(targets == 0, 0.5, 1.0)
    radius = np.sqrt(inner**2 + v * (outer**2 - inner**2))
    return np.stack([radius * np.cos(2 * np.pi * u), radius * np.sin(2 * np.pi * u)], axis=1)


def _moons(u: NDArray[np.float64], v: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two interleaved half rings of radius 0.85 to 1.15."""
    radius, angle = 0.85 + 0.3 * v, np.pi * u
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([np.where(targets == 0, x, 1 - x), np.where(targets == 0, y, 0.5 - y)], axis=1)


def _spirals(u: NDArray[np.float64], v: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two arms of one and a half turns, half a turn apart."""
    turns = 1.5 * np.sqrt(u)
    # The next arm is 1/3 away along the radius; a jitter of ±0.05 leaves a gap between the classes.
    radius = (turns + 0.15) / 1.65 + 0.1 * (v - 0.5)
    angle = 2 * np.pi * turns + np.pi * targets
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


_POINTS = {"xor": _xor, "circles": _circles, "moons": _moons, "spirals": _spirals}
