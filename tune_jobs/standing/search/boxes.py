"""Regression trees as boxes: the exact functional ANOVA over a search space, of one tree and of two together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How a tree's features stand for the columns of a search space.

    A range is one feature in [0, 1]. Each of the k categories of a choice is one feature, 0 or 1, so that a
    split sets one category apart from the others; of two, one feature is enough.

    Attributes:
        levels: by column, 0 for a range or the number of categories.
        column: of each feature.
        category: of each feature; -1 for a range.
    """

    levels: tuple[int, ...]
    column: NDArray[np.int64]
    category: NDArray[np.int64]

    @classmethod
    def of(cls, levels: tuple[int, ...]) -> "Layout":
        """Return the layout of columns with so many categories each."""
        categories = [[-1] if k == 0 else list(range(k if k > 2 else 1)) for k in levels]
        column = np.repeat(np.arange(len(levels)), [len(own) for own in categories])
        return cls(levels, column, np.array([code for own in categories for code in own], dtype=np.int64))

    def features(self, points: Array) -> NDArray[np.float32]:
        """Return points [n, columns] as the features [n, features] that a tree is grown on."""
        values = points[:, self.column]
        return np.where(self.category < 0, values, values == self.category).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Boxes:
    """A tree as the boxes of its leaves, which are disjoint and fill the space.

    Attributes:
        lows: left ends of the leaves' intervals, which do not belong to them, [leaves, columns]: -1 where an interval
            begins with the range. Of no meaning for a choice.
        highs: right ends, which belong to the intervals. Of no meaning for a choice.
        categories: for each choice, by column, which categories a leaf takes in, 0 or 1, [leaves, k].
        widths: which share of each column a leaf takes in, [leaves, columns].
        values: of the leaves, less `mean`, [leaves].
        mean: of the tree over the space.
    """

    lows: Array
    highs: Array
    categories: dict[int, Array]
    widths: Array
    values: Array
    mean: float

    @property
    def weights(self) -> Array:
        """Value × volume of the leaves, [leaves]."""
        return np.asarray(self.values * self.widths.prod(axis=1))

    def overlap(self, other: "Boxes") -> Array:
        """Return which share of each column leaves have in common with another tree's, [columns, leaves, leaves]."""
        shared = np.minimum(self.highs.T[:, :, None], other.highs.T[:, None, :])
        shared -= np.maximum(np.maximum(self.lows.T, 0.0)[:, :, None], other.lows.T[:, None, :])
        np.maximum(shared, 0.0, out=shared)
        for column, takes in self.categories.items():
            shared[column] = takes @ other.categories[column].T / takes.shape[1]
        return shared

    def additive(self, points: Array) -> Array:
        """Return the mean and the main effects at points [n, columns], added up, [n]."""
        found = np.full(len(points), self.mean)
        for column, width in enumerate(self.widths.T):
            found += (self.weights / width) @ self._inside(column, points[:, column])
        return found

    def _inside(self, column: int, points: Array) -> Array:
        """Return which leaves take in which points of a column, 0 or 1, [leaves, n]."""
        if column in self.categories:
            return self.categories[column][:, points.astype(np.int64)]
        own = points.astype(np.float32)  # as a tree sees them
        return np.asarray((own > self.lows[:, column, None]) & (own <= self.highs[:, column, None]), dtype=np.float64)


def boxes(tree: Any, layout: Layout) -> Boxes:
    """Return the boxes of a tree: the `tree_` of a fitted scikit-learn regressor on `layout.features`."""
    leaves = tree.children_left < 0
    low, high = (bound[leaves] for bound in _bounds(tree, len(layout.column)))
    first = np.searchsorted(layout.column, np.arange(len(layout.levels)))
    # Points at 0 are inside: a tree's leftmost interval has no left end.
    lows, highs = low[:, first], np.minimum(high[:, first], 1.0)
    widths = highs - np.maximum(lows, 0.0)
    categories = {}
    for column, k in enumerate(layout.levels):
        if k:
            own = layout.column == column
            categories[column] = _categories(low[:, own] >= 0, high[:, own] < 1, k)
            widths[:, column] = categories[column].mean(axis=1)
    values = tree.value[leaves, 0, 0]
    mean = float(values @ widths.prod(axis=1))
    return Boxes(lows, highs, categories, widths, values - mean, mean)


@dataclass(frozen=True, eq=False)
class Covariances:
    """The covariance of two trees over the space, every setting as likely as every other, and its parts.

    Of a tree with itself it is the variance. Main effects, pairs and higher effects add up to the total.

    Attributes:
        total: of the trees.
        mains: of the columns' main effects, [columns].
        pairs: of the interactions of two columns beyond their main effects, [columns, columns], symmetric; the
            diagonal is of no meaning.
    """

    total: float
    mains: Array
    pairs: Array


def covariances(one: Boxes, other: Boxes) -> Covariances:
    """Return the functional ANOVA of two trees' covariance, without sampling.

    A tree's marginal over all columns but a few is the sum over its leaves of value × volume in those columns, where
    the leaf takes the few in (Hutter, Hoos, Leyton-Brown, 2014, An efficient approach for assessing hyperparameter
    importance, algorithm 1). The covariance of two marginals therefore is a sum over pairs of leaves, of the product
    of both values and both volumes × what the leaves share of each of the few columns. Of a pair, the covariances of
    the two main effects are subtracted: the components of a functional ANOVA are orthogonal (Hooker, 2007).
    """
    weights = np.outer(one.weights, other.weights).ravel()
    together = one.overlap(other)
    together /= one.widths.T[:, :, None]
    together /= other.widths.T[:, None, :]
    together = together.reshape(len(together), -1)
    mains = together @ weights
    pairs = (together * weights) @ together.T - mains[:, None] - mains[None, :]
    return Covariances(float(together.prod(axis=0) @ weights), mains, pairs)


def _bounds(tree: Any, features: int) -> tuple[Array, Array]:
    """Return between what each node's features lie, [nodes, features] each; -1 and 2 where nothing bounds them."""
    low, high = np.full((tree.node_count, features), -1.0), np.full((tree.node_count, features), 2.0)
    level = np.flatnonzero(tree.children_left[:1] >= 0)
    while level.size:
        lefts, rights = tree.children_left[level], tree.children_right[level]
        for children in (lefts, rights):
            low[children], high[children] = low[level], high[level]
        split = tree.feature[level]
        high[lefts, split] = low[rights, split] = tree.threshold[level]
        level = np.concatenate([lefts, rights])
        level = level[tree.children_left[level] >= 0]
    return low, high


def _categories(is_this: NDArray[np.bool_], is_not: NDArray[np.bool_], k: int) -> Array:
    """Return which of k categories a leaf takes in, [leaves, k], from what it says of each feature."""
    if k == 2:
        return np.concatenate([~is_not, ~is_this], axis=1).astype(np.float64)
    return np.where(is_this.any(axis=1, keepdims=True), is_this, ~is_not).astype(np.float64)
