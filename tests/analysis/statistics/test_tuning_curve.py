"""The best of n random trials."""

from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.tuning_curve import chance_of_better, expected_best, tuning_curve

_SCORES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=9)


@settings(deadline=None)
@given(_SCORES, st.integers(1, 9))
def test_the_expected_best_is_the_mean_over_all_subsets(scores: list[float], trials: int) -> None:
    found = expected_best(scores, trials)
    if trials > len(scores):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.mean([max(part) for part in combinations(scores, trials)]), abs=1e-9)


@settings(deadline=None)
@given(_SCORES, st.permutations(range(9)))
def test_the_curve_rises_lies_in_its_band_and_ignores_order(scores: list[float], order: list[int]) -> None:
    n = np.arange(1, 30)
    curve = tuning_curve(scores, n)
    for line in (curve.median, curve.low, curve.high, curve.expected[: len(scores)]):
        assert (line[1:] >= line[:-1] - 1e-9).all()
    assert (curve.low <= curve.median).all()
    assert (curve.median <= curve.high).all()
    other = tuning_curve([scores[place] for place in order if place < len(scores)], n)
    assert (other.low == curve.low).all()
    assert other.expected[0] == pytest.approx(curve.expected[0], abs=1e-9)


@settings(deadline=None)
@given(_SCORES)
def test_a_larger_scale_moves_the_curve_alike(scores: list[float]) -> None:
    n = [1, 2, 4, 8]
    first, second = tuning_curve(scores, n), tuning_curve([3 * score + 7 for score in scores], n)
    assert second.median == pytest.approx(3 * first.median + 7)
    assert second.high == pytest.approx(3 * first.high + 7)


def test_what_no_sample_can_bound_is_left_open() -> None:
    curve = tuning_curve(np.arange(20.0), [1, 20, 40])
    assert np.isfinite([curve.low[0], curve.high[0]]).all()
    assert curve.high[1:].tolist() == [inf, inf]
    assert np.isfinite(curve.low).all()
    assert np.isnan(curve.expected[2])
    assert tuning_curve([1.0], [1]).low.tolist() == [-inf]


def test_a_trial_that_diverged_is_the_worst() -> None:
    curve = tuning_curve([-inf, 1.0, 2.0, 3.0], [1, 2, 3])
    assert curve.median.tolist() == [1.0, 2.0, 3.0]
    assert expected_best([-inf, 1.0, 2.0], 1) == -inf
    assert expected_best([-inf, 1.0, 2.0], 2) == pytest.approx(5 / 3)


def test_as_many_trials_again_beat_the_best_in_half_of_all_cases() -> None:
    assert chance_of_better(30, 30) == 0.5
    assert chance_of_better(99, 1) == 0.01


@pytest.mark.parametrize("digits", [12, 0], ids=["continuous", "many ties"])
def test_the_band_covers_the_whole_curve_in_95_percent_of_searches(digits: int) -> None:
    n, rng, repeats = np.array([1, 2, 5, 10, 20, 40]), np.random.default_rng(1), 400
    shares = 0.5 ** (1 / n)
    true = np.quantile(np.round(90 + 3 * rng.standard_normal(400_000), digits), shares, method="inverted_cdf")
    covered = 0
    for _ in range(repeats):
        curve = tuning_curve(np.round(90 + 3 * rng.standard_normal(20), digits), n)
        covered += bool(((curve.low <= true) & (true <= curve.high)).all())
    # Three standard errors of a share of 400.
    assert covered / repeats >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / repeats)
