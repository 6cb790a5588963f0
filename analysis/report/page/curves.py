"""Learning curves for the page's script: each trajectory once, thinned where there are many, in few digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# So many numbers of curves are on a page: about 2 MB.
MOST_NUMBERS = 300_000
_LEAST_POINTS, _MOST_POINTS = 8, 120


@dataclass(frozen=True)
class PageCurves:
    """Curves by the keys of their trials; trials of equal length share a list of epochs.

    Attributes:
        grids: lists of epochs.
        of_key: a trial's list of epochs by its number, then each quantity's values there.
    """

    grids: Sequence[Sequence[int]]
    of_key: Mapping[str, Mapping[str, Any]]


def page_curves(frame: pd.DataFrame, quantities: Sequence[str]) -> PageCurves:
    """Take the quantities' curves out of a frame of `curves_frame`, the longest of each key."""
    names = [name for name in quantities if name in frame and frame[name].notna().any()]
    if frame.empty or not names:
        return PageCurves([], {})
    whose = frame[["position", "seed"]].to_numpy()
    starts = np.flatnonzero(np.r_[True, (whose[1:] != whose[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(frame)]
    keys = frame["key"].to_numpy()[starts]
    longest: dict[str, tuple[int, int]] = {}
    for key, start, end in zip(keys, starts.tolist(), ends.tolist(), strict=True):
        if key not in longest or end - start > longest[key][1] - longest[key][0]:
            longest[key] = (start, end)
    points = int(np.clip(MOST_NUMBERS // (len(longest) * len(names)), _LEAST_POINTS, _MOST_POINTS))
    values = {name: frame[name].to_numpy(dtype=float) for name in names}
    epochs = frame["epoch"].to_numpy(dtype=int)
    grids: dict[tuple[int, ...], int] = {}
    found = {}
    for key, (start, end) in longest.items():
        kept = start + _kept(end - start, points)
        grid = grids.setdefault(tuple(epochs[kept].tolist()), len(grids))
        found[key] = {"#": grid, **{name: few_digits(values[name][kept]) for name in names}}
    return PageCurves(list(grids), found)


def few_digits(values: Sequence[float] | NDArray[np.float64]) -> list[float | None]:
    """Round to five significant digits; None for what is not finite, which JSON cannot hold."""
    return [float(f"{value:.5g}") if isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]


def _kept(length: int, points: int) -> NDArray[np.int64]:
    if length <= points:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, points).round().astype(np.int64))
