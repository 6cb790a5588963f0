"""Importance: functions with known Sobol indices, noise that is not called importance, intervals that cover."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_jobs.standing.search.importance import Effort, Importance, functional_anova

QUICK = Effort(trees=32, resamples=20, permutations=20, few_trees=8)


def additive(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 3 * points[:, 0] + 2 * points[:, 1] + rng.normal(0, 0.1, len(points))


def ranges(n: int, columns: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.random((n, columns)), rng


def pair(found: Importance, *columns: int) -> float:
    return next(effect.share for effect in found.pairs if effect.columns == columns)


def test_an_additive_function_has_main_effects_only() -> None:
    points, rng = ranges(200, 4, 0)
    found = functional_anova(points, [0] * 4, additive(points, rng), seed=0, effort=QUICK)
    # Variances 9/12 and 4/12.
    assert [effect.share for effect in found.mains] == pytest.approx([9 / 13, 4 / 13, 0, 0], abs=0.06)
    assert [effect.shown for effect in found.mains] == [True, True, False, False]
    assert max(effect.share for effect in found.pairs) < 0.02
    assert found.r_squared > 0.9


def test_exclusive_or_of_two_choices_is_all_in_the_pair() -> None:
    rng = np.random.default_rng(1)
    points = np.stack([rng.integers(2, size=150), rng.integers(2, size=150), rng.random(150)], axis=1)
    values = (points[:, 0] != points[:, 1]) + rng.normal(0, 0.1, 150)
    found = functional_anova(points, [2, 2, 0], values, seed=0, effort=QUICK)
    assert pair(found, 0, 1) > 0.85
    assert [effect.columns for effect in found.pairs if effect.shown] == [(0, 1)]
    assert not any(effect.shown for effect in found.mains)


def test_ishigamis_function_has_its_interaction_where_it_is() -> None:
    points, _ = ranges(600, 3, 2)
    x = np.pi * (2 * points - 1)
    values = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    found = functional_anova(points, [0] * 3, values, seed=0, effort=QUICK)
    # Indices 0.31, 0.44 and 0, and 0.24 of columns 0 and 2 together; a forest smooths what is steep and rare.
    assert found.mains[0].share == pytest.approx(0.4, abs=0.15)
    assert found.mains[1].share == pytest.approx(0.4, abs=0.15)
    assert found.mains[2].share < 0.05
    assert pair(found, 0, 2) > 0.1
    assert [effect.columns for effect in found.pairs if effect.shown] == [(0, 2)]


def test_three_columns_together_are_the_rest() -> None:
    rng = np.random.default_rng(3)
    points = rng.integers(2, size=(300, 3)).astype(float)
    found = functional_anova(points, [2] * 3, points.sum(axis=1) % 2, seed=0, effort=QUICK)
    assert found.rest > 0.8


@pytest.mark.long
def test_noise_is_rarely_called_importance() -> None:
    called = {"mains": 0, "pairs": 0}
    repeats = 20
    for seed in range(repeats):
        points, rng = ranges(40, 4, seed)
        found = functional_anova(points, [0] * 4, rng.normal(size=40), seed=seed, effort=QUICK)
        called["mains"] += any(effect.shown for effect in found.mains)
        called["pairs"] += any(effect.shown for effect in found.pairs)
        assert found.r_squared < 0.4
    # At 5%, more than 4 of 20 happen once in 400 times.
    assert max(called.values()) <= 4


@pytest.mark.long
def test_main_effects_do_not_make_pairs() -> None:
    called = 0
    for seed in range(15):
        points, rng = ranges(40, 3, seed)
        found = functional_anova(points, [0] * 3, additive(points, rng), seed=seed, effort=QUICK)
        called += any(effect.shown for effect in found.pairs)
    assert called <= 3


@pytest.mark.long
def test_intervals_cover_what_other_trials_give_on_average() -> None:
    found = []
    for seed in range(25):
        points, rng = ranges(50, 3, seed)
        found.append(functional_anova(points, [0] * 3, additive(points, rng), seed=seed, effort=QUICK))
    for column in range(2):
        effects = [one.mains[column] for one in found]
        mean = np.mean([effect.share for effect in effects])
        assert np.mean([effect.low <= mean <= effect.high for effect in effects]) >= 0.8


def test_more_trials_give_narrower_intervals() -> None:
    widths = []
    for n in (40, 320):
        points, rng = ranges(n, 2, 0)
        effect = functional_anova(points, [0, 0], additive(points, rng), seed=0, effort=QUICK).mains[0]
        widths.append(effect.high - effect.low)
    assert widths[1] < 0.6 * widths[0]


def test_the_seed_decides_every_bit() -> None:
    points, rng = ranges(30, 3, 0)
    values = additive(points, rng)
    one, again, other = (functional_anova(points, [0] * 3, values, seed=seed, effort=QUICK) for seed in (5, 5, 6))
    assert one == again
    assert one != other


@given(st.floats(0.01, 1e4), st.floats(-1e4, 1e4))
@settings(max_examples=5, deadline=None)
def test_shares_have_no_unit(scale: float, shift: float) -> None:
    points, rng = ranges(30, 2, 0)
    values = additive(points, rng)
    tiny = Effort(trees=8, resamples=3, permutations=3, few_trees=3)
    before, after = (
        functional_anova(points, [0, 0], own, seed=0, effort=tiny) for own in (values, scale * values + shift)
    )
    assert after.mains[0].share == pytest.approx(before.mains[0].share, abs=1e-3)


@given(st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_numbers_are_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.stack([rng.random(12), rng.integers(3, size=12), rng.integers(2, size=12)], axis=1)
    tiny = Effort(trees=8, resamples=4, permutations=4, few_trees=3)
    found = functional_anova(points, [0, 3, 2], rng.normal(size=12), seed=seed, effort=tiny)
    assert len(found.mains) == len(found.pairs) == 3
    assert 0 <= found.rest <= 1
    for effect in (*found.mains, *found.pairs):
        assert 0 <= effect.low <= effect.share <= effect.high <= 1
        assert 0 <= effect.null_mean <= 1
        assert 0 < effect.p_value <= 1


def test_one_column_has_no_pairs() -> None:
    points, rng = ranges(30, 1, 0)
    found = functional_anova(points, [0], points[:, 0] + rng.normal(0, 0.01, 30), seed=0, effort=QUICK)
    assert found.pairs == ()
    assert found.mains[0].share == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("points", "levels", "values", "message"),
    [
        (np.zeros((12, 2)), [0], np.arange(12), "do not belong together"),
        (np.zeros((9, 1)), [0], np.arange(9), "9 trials are too few"),
        (np.zeros((12, 1)), [0], np.full(12, np.nan), "not all are finite"),
        (np.full((12, 1), 1.5), [0], np.arange(12), "column 0 with levels 0 leaves its domain"),
        (np.full((12, 1), 3), [3], np.arange(12), "give codes 0 to 2"),
        (np.zeros((12, 1)), [1], np.arange(12), "at least 2 categories"),
        (np.zeros((12, 1)), [0], np.ones(12), "no variance to split"),
    ],
)
def test_what_cannot_be_split_is_refused(points: Any, levels: Any, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        functional_anova(points, levels, values, seed=0)


def test_trials_that_do_not_vary_in_any_column_show_nothing() -> None:
    found = functional_anova(np.full((12, 2), 0.5), [0, 0], np.arange(12), seed=0, effort=QUICK)
    assert not any(effect.shown for effect in (*found.mains, *found.pairs))
    assert found.r_squared <= 0
