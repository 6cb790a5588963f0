"""Simulated tables without any true difference: kinds of data, and whether a table says there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.collapse import find_collapsed
from analysis.statistics.comparisons import BETTER, WORSE, Pairs
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.table_tests import compare

Array = NDArray[np.float64]
Rng = np.random.Generator
ROWS = 1291
# The accuracy of a network that predicts the most frequent class.
CHANCE = 17.0


@dataclass(frozen=True)
class Kind:
    """A kind of data without any true difference.

    Attributes:
        mean: the true mean of every level, of the replicates that learn.
        draw: replicates of so many levels, [levels, n].
        draw_default: replicates of the default, [1, n], if they are of another kind.
        rows: of the validation part, where the values are its accuracies.
        collapses: the share of replicates that does not learn.
    """

    mean: float
    draw: Callable[[Rng, tuple[int, int]], Array]
    draw_default: Callable[[Rng, tuple[int, int]], Array] | None = None
    rows: int | None = None
    collapses: float = 0.0

    def table(self, rng: Rng, levels: int, n: int) -> tuple[Array, Array]:
        """Draw a table: its levels, [levels, n], and its default, [n]."""
        return self.draw(rng, (levels, n)), (self.draw_default or self.draw)(rng, (1, n))[0]


def _normal(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.3 * rng.standard_normal(shape)


def _binomial(percent: float, spread: float) -> Callable[[Rng, tuple[int, int]], Array]:
    def draw(rng: Rng, shape: tuple[int, int]) -> Array:
        shares = np.clip((percent + spread * rng.standard_normal(shape)) / 100, 0.0, 1.0)
        return 100.0 * rng.binomial(ROWS, shares) / ROWS

    return draw


def _heavy(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.3 * rng.standard_t(3, shape)


def _few(rng: Rng, shape: tuple[int, int]) -> Array:
    return np.round((97.1 + 0.1 * rng.standard_normal(shape)) / 0.25) * 0.25


def _collapsing(rng: Rng, shape: tuple[int, int]) -> Array:
    return np.where(rng.random(shape) < 0.2, 17.0, _normal(rng, shape))


def _skewed(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.5 - rng.exponential(0.5, shape)


def _tight(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.1 * rng.standard_normal(shape)


# The mean of numbers on a lattice of 0.25 around 97.1, of which 40% lie at 97.25.
_FEW_MEAN = float(_few(np.random.default_rng(0), (1, 1_000_000)).mean())
KINDS: Mapping[str, Kind] = {
    "normal, spread 0.3": Kind(97.0, _normal),
    "binomial, 97% of 1,291 rows, + 0.3": Kind(97.0, _binomial(97.0, 0.3), rows=ROWS),
    "binomial, 99.5%": Kind(99.5, _binomial(99.5, 0.0), rows=ROWS),
    "heavy tails (t, 3 df)": Kind(97.0, _heavy),
    "few distinct values": Kind(_FEW_MEAN, _few, rows=400),
    "collapse in 1 of 5 seeds": Kind(97.0, _collapsing, rows=ROWS, collapses=0.2),
    "left-skewed, tight default": Kind(97.0, _skewed, _tight),
}


def shown(levels: Array, default: Array, rows: int | None, level: float = SIGNIFICANCE) -> NDArray[np.bool_]:
    """Whether a table shows a difference of each level [levels, n] from the default [n]."""
    marks = find_collapsed([*levels, default], chance=CHANCE, rows=rows)
    table = [Pairs(values, default, mark, marks[-1]) for values, mark in zip(levels, marks, strict=False)]
    found = compare(table, higher_is_better=True, step=100 / rows if rows else 0.0, level=level)
    return np.array([one.verdict in (BETTER, WORSE) for one in found])


def percents(shares: Sequence[float | np.floating], decimals: int) -> str:
    """Write shares as percents: "4.1/3.9/5.0"."""
    return "/".join(f"{100 * share:.{decimals}f}" for share in shares)
