"""Exact marginals of trees, against brute force on a grid that no threshold cuts."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from tune_jobs.standing.search.boxes import Layout, boxes, covariances

# Points are multiples of 1/8, so that thresholds are multiples of 1/16: a tree is constant in each of 16 cells.
CELLS = 16
LEVELS = (0, 3, 0, 2)


def grown(seed: int, levels: tuple[int, ...] = LEVELS, n: int = 40) -> DecisionTreeRegressor:
    rng = np.random.default_rng(seed)
    points = np.stack([rng.integers(k, size=n) if k else rng.integers(9, size=n) / 8 for k in levels], axis=1)
    tree = DecisionTreeRegressor(max_features=0.6, min_samples_leaf=2, random_state=seed)
    return tree.fit(Layout.of(levels).features(points.astype(float)), rng.normal(size=n))


def on_grid(tree: DecisionTreeRegressor, levels: tuple[int, ...] = LEVELS) -> np.ndarray:
    """Return a tree's predictions in every cell of the space, an axis for each column."""
    axes = [np.arange(k, dtype=float) if k else (np.arange(CELLS) + 0.5) / CELLS for k in levels]
    grid = np.stack([side.ravel() for side in np.meshgrid(*axes, indexing="ij")], axis=1)
    return tree.predict(Layout.of(levels).features(grid)).reshape([len(side) for side in axes])


def component(values: np.ndarray, *columns: int) -> np.ndarray:
    """Return the marginal over all other columns, less the mean."""
    others = tuple(set(range(values.ndim)) - set(columns))
    return values.mean(axis=others) - values.mean()


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_parts_are_those_of_brute_force(one: int, other: int) -> None:
    layout = Layout.of(LEVELS)
    trees = [grown(one), grown(other)]
    grids = [on_grid(tree) for tree in trees]
    found = covariances(*(boxes(tree.tree_, layout) for tree in trees))
    assert found.total == pytest.approx(np.mean((grids[0] - grids[0].mean()) * (grids[1] - grids[1].mean())), abs=1e-10)
    mains = [np.mean(component(grids[0], j) * component(grids[1], j)) for j in range(len(LEVELS))]
    np.testing.assert_allclose(found.mains, mains, atol=1e-10)
    for j, k in combinations(range(len(LEVELS)), 2):
        both = np.mean(component(grids[0], j, k) * component(grids[1], j, k))
        assert found.pairs[j, k] == pytest.approx(both - mains[j] - mains[k], abs=1e-10)
        assert found.pairs[k, j] == pytest.approx(found.pairs[j, k])


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_main_effects_at_points_are_those_of_brute_force(seed: int) -> None:
    tree = grown(seed)
    values = on_grid(tree)
    found = boxes(tree.tree_, Layout.of(LEVELS))
    assert found.mean == pytest.approx(values.mean())
    places = np.random.default_rng(seed).integers(values.shape, size=(20, len(LEVELS)))
    points = np.where(np.array(LEVELS) == 0, (places + 0.5) / CELLS, places)
    expected = values.mean() + sum(component(values, j)[places[:, j]] for j in range(len(LEVELS)))
    np.testing.assert_allclose(found.additive(points), expected, atol=1e-10)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_leaves_fill_the_space_and_variances_are_not_negative(seed: int) -> None:
    levels = (0, 2, 5)
    found = boxes(grown(seed, levels).tree_, Layout.of(levels))
    assert found.widths.prod(axis=1).sum() == pytest.approx(1.0)
    own = covariances(found, found)
    upper = np.triu_indices(len(levels), 1)
    assert own.mains.min() >= -1e-12
    assert own.pairs[upper].min() >= -1e-12
    assert own.mains.sum() + own.pairs[upper].sum() <= own.total + 1e-12


def test_a_tree_without_a_split_does_not_vary() -> None:
    tree = DecisionTreeRegressor().fit(np.zeros((3, 1), dtype=np.float32), [2.0, 2.0, 2.0])
    found = boxes(tree.tree_, Layout.of((0,)))
    assert found.mean == 2.0
    assert covariances(found, found).total == 0.0
