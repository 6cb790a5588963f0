"""Predicted Gaussians, the coverage of their intervals, and rank correlation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from analysis.statistics.coverage import (
    LINKS,
    MINIMUM_VARIANCE,
    NOMINAL,
    coverage,
    coverage_band,
    gaussian,
    log_normal,
    rank_correlation,
    z_scores,
)
from models import losses
from tests.analysis.frames.test_gaussian_predictions import predictions

raws = st.lists(st.floats(-60, 60), min_size=1, max_size=20)
numbers = st.lists(st.integers(-50, 50), min_size=3, max_size=30)


@given(raws, st.sampled_from(LINKS), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_outputs_stand_for_what_the_formula_says(raw: list[float], link: str, centre: float, scale: float) -> None:
    outputs = np.stack([np.linspace(-2, 2, len(raw)), raw], axis=1)
    mean, std = gaussian(outputs, link, centre, scale)
    variance = np.exp(raw) if link == "exp" else np.log1p(np.exp(raw))
    np.testing.assert_allclose(mean, outputs[:, 0] * scale + centre)
    np.testing.assert_allclose(std, np.sqrt(variance + 1e-6) * scale, rtol=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_the_objective_has_the_same_variance(link: str) -> None:
    raw = np.linspace(-30, 30, 61)
    expected = losses.gaussian_variance(torch.tensor(raw), link).sqrt().numpy()
    np.testing.assert_allclose(gaussian(np.stack([raw, raw], axis=1), link)[1], expected, rtol=1e-7)
    assert MINIMUM_VARIANCE == losses.MINIMUM_VARIANCE


@pytest.mark.parametrize("link", LINKS)
def test_extreme_outputs_warn_of_nothing(link: str) -> None:
    _, std = gaussian([[0.0, -1e30], [0.0, 1200.0], [0.0, 1e30]], link)
    assert std[0] == pytest.approx(1e-3)
    assert np.all(np.diff(std) > 0)
    assert np.isfinite(std[1])


def test_what_is_no_gaussian_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 1\)"):
        gaussian([[1.0], [2.0]], "exp")
    with pytest.raises(ValueError, match="'log' is not one of exp, softplus"):
        gaussian([[1.0, 2.0]], "log")


def test_log_normal_moments_beyond_every_float_are_infinite_and_warn_of_nothing() -> None:
    mean, std = log_normal([0.0, 0.0, -1e5, 12.0], [1e200, 30.0, 30.0, 1e-4])
    assert np.isinf(mean[:2]).tolist() == [True, False]
    assert np.isinf(std[:2]).all()
    assert not np.isnan([*mean, *std]).any()
    assert std[3] == pytest.approx(1e-4 * np.exp(12.0), rel=1e-6)


def test_coverage_counts_what_lies_inside() -> None:
    found = coverage([0.0] * 4, [1.0] * 4, [0.0, 1.0, -1.9, 2.5], nominal=[0.5, 0.9, 0.95, 0.99])
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75, 1.0])


@given(st.integers(0, 2**32 - 1), st.floats(-1e5, 1e5), st.floats(1e-2, 1e5))
def test_calibrated_predictions_cover_what_they_should(seed: int, centre: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    std = scale * np.exp(rng.normal(0, 0.5, 4000))
    mean = centre + scale * rng.normal(size=4000)
    found = coverage(mean, std, mean + std * rng.normal(size=4000))
    low, high = coverage_band(4000, confidence=1 - 1e-6)
    assert np.all((low <= found) & (found <= high))
    assert np.all(np.diff(found) >= 0)


@given(st.integers(0, 1000), st.floats(1.01, 3))
def test_wider_intervals_cover_more(seed: int, factor: float) -> None:
    one, wider = predictions(0, seed), predictions(0, seed, factor=factor)
    assert np.all(coverage(wider.mean, wider.std, wider.targets) >= coverage(one.mean, one.std, one.targets))


def test_too_narrow_intervals_cover_too_little() -> None:
    one = predictions(0, 0, factor=0.5, rows=20_000)
    expected = 2 * norm.cdf(0.5 * norm.ppf(0.5 + NOMINAL / 2)) - 1
    np.testing.assert_allclose(coverage(one.mean, one.std, one.targets), expected, atol=0.02)


def test_an_infinite_deviation_covers_everything() -> None:
    assert coverage([0.0], [np.inf], [1e300]).tolist() == [1.0] * len(NOMINAL)


@pytest.mark.parametrize(
    ("mean", "std", "targets"), [([0.0], [0.0], [0.0]), ([np.nan], [1.0], [0.0]), ([0.0], [1.0], [np.inf])]
)
def test_what_has_no_z_score_is_refused(mean: list[float], std: list[float], targets: list[float]) -> None:
    with pytest.raises(ValueError, match="not finite, or a deviation is not above 0"):
        z_scores(mean, std, targets)


def test_arrays_and_levels_must_fit() -> None:
    with pytest.raises(ValueError, match=r"shapes \(2,\), \(1,\)"):
        z_scores([0.0, 1.0], [1.0], [0.0])
    with pytest.raises(ValueError, match="not all between 0 and 1"):
        coverage([0.0], [1.0], [0.0], nominal=[95])


@given(numbers, st.randoms())
def test_the_correlation_is_scipys(values: list[int], random: object) -> None:
    other = list(values)
    random.shuffle(other)  # type: ignore[attr-defined]
    if len(set(values)) > 1:
        assert rank_correlation(values, other) == pytest.approx(spearmanr(values, other).statistic, abs=1e-12)


@given(numbers)
def test_the_correlation_is_of_ranks_alone(values: list[int]) -> None:
    if len(set(values)) > 1:
        other = np.sin(np.array(values, dtype=float)) + np.arange(len(values))
        before = rank_correlation(values, other)
        assert rank_correlation(np.array(values) ** 3, np.exp(other / 20)) == pytest.approx(before)
        assert rank_correlation(values, -other) == pytest.approx(-before)
        assert rank_correlation(values, values) == pytest.approx(1)


def test_what_does_not_vary_has_no_correlation() -> None:
    assert np.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))


def test_what_are_no_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        rank_correlation([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="NaN"):
        rank_correlation([1.0, np.nan], [1.0, 2.0])
