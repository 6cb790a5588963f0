"""Means, paired differences and Holm's correction, against scipy and by their invariants."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.intervals import benjamini_hochberg, estimate, holm, paired_difference, welch_difference
from analysis.statistics.proportions import binomial_variance

numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)
p_values = st.lists(st.floats(0, 1), max_size=12)


def test_the_interval_is_scipys() -> None:
    values = [97.1, 98.4, 96.9, 97.7]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    found = estimate(values)
    assert found.n == 4
    assert found.mean - (found.half_width or 0) == pytest.approx(low)
    assert found.mean + (found.half_width or 0) == pytest.approx(high)


def test_one_value_has_no_interval() -> None:
    assert estimate([3.5]).half_width is None
    assert paired_difference([3.5], [3.0]).p_value is None


def test_the_paired_test_is_scipys() -> None:
    one, other = [97.1, 98.4, 96.9], [96.0, 97.9, 96.1]
    found, expected = paired_difference(one, other), stats.ttest_rel(one, other)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.mean + (found.half_width or 0) == pytest.approx(expected.confidence_interval(0.95).high)


def test_overlapping_training_parts_widen_the_interval_as_nadeau_and_bengio_say() -> None:
    """Three replicates, a validation part a quarter as large as the training part: 1/3 becomes 1/3 + 1/4."""
    values, reference = [91.0, 93.0, 95.0], [90.0, 91.0, 92.0]
    found = estimate(values, overlap=0.25)
    # s = 2, t(0.975; 2) = 4.302653
    assert found.half_width == pytest.approx(4.302653 * 2 * math.sqrt(1 / 3 + 1 / 4), rel=1e-6)
    difference = paired_difference(values, reference, overlap=0.25)
    # Differences 1, 2, 3: mean 2, s = 1.
    assert difference.half_width == pytest.approx(4.302653 * math.sqrt(7 / 12), rel=1e-6)
    assert difference.p_value == pytest.approx(2 * stats.t.sf(2 / math.sqrt(7 / 12), 2))
    assert paired_difference(values, reference).p_value == pytest.approx(2 * stats.t.sf(2 * math.sqrt(3), 2))


@pytest.mark.parametrize("overlap", [-0.1, math.inf, math.nan])
def test_what_is_no_ratio_of_rows_is_refused(overlap: float) -> None:
    with pytest.raises(ValueError, match="is no ratio of validation to training rows"):
        estimate([1.0, 2.0], overlap=overlap)


def _false_verdicts(splits: str, overlaps: list[float], tables: int = 1000) -> list[float]:
    """In how many tables of four equally good learners one is said to differ from the first, with each overlap.

    Each learner fits the targets on one of four alike features.
    """
    rng, rows, replicates = np.random.default_rng(0), 60, 10
    inputs = rng.normal(size=(tables, 1, rows, 4))
    targets = inputs.sum(axis=-1, keepdims=True) + 0.5 * rng.normal(size=(tables, 1, rows, 1))
    repeats = replicates // 5 if splits == "folds" else replicates
    ranks = rng.random((tables, repeats, rows)).argsort(axis=-1).argsort(axis=-1)
    if splits == "folds":
        ranks = np.repeat(ranks, 5, axis=1) % 5 - (np.arange(replicates) % 5)[:, None]
    validation = ((ranks == 0) if splits == "folds" else (ranks < 6))[..., None]
    slopes = (inputs * targets * ~validation).sum(axis=2) / (inputs**2 * ~validation).sum(axis=2)
    squared = (targets - slopes[:, :, None] * inputs) ** 2
    errors = (squared * validation).sum(axis=2) / validation.sum(axis=2)
    rates = []
    for overlap in overlaps:
        p_values = [
            [paired_difference(table[:, level], table[:, 0], overlap=overlap).p_value or 0.0 for level in (1, 2, 3)]
            for table in errors
        ]
        rates.append(float(np.mean([holm(of_table).min() <= 0.05 for of_table in p_values])))
    return rates


@pytest.mark.parametrize(("splits", "overlap"), [("validation", 6 / 54), ("folds", 12 / 48)])
def test_equal_learners_are_seldom_told_apart_and_were_too_often_without_the_correction(
    splits: str, overlap: float
) -> None:
    corrected, naive = _false_verdicts(splits, [overlap, 0.0])
    assert corrected <= 0.05
    assert naive > 0.15


def test_equal_differences_claim_nothing() -> None:
    found = paired_difference([90.0 + 100 / 360, 95.0 + 100 / 360], [90.0, 95.0])
    assert found.mean == pytest.approx(100 / 360)
    assert found.half_width is None
    # The exact sign test of two pairs.
    assert found.p_value == 0.5


def test_equal_accuracies_keep_their_binomial_noise() -> None:
    values = [100 * 1250 / 1291] * 3
    assert estimate(values).half_width == 0.0
    expected = 1.96 * math.sqrt(binomial_variance(values[0], 1291) / 3)
    assert estimate(values, rows=1291).half_width == pytest.approx(expected, rel=1e-4)
    apart = [values[0], values[1], values[2] + 1]
    assert estimate(apart, rows=1291) == estimate(apart)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [[1.0]]])
def test_what_is_no_list_of_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values: "):
        estimate(values)


def test_pairs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1 are no pairs"):
        paired_difference([1.0, 2.0], [1.0])


@given(numbers, st.floats(-100, 100), st.floats(0.1, 10))
def test_an_interval_moves_and_stretches_with_its_values(values: list[float], shift: float, scale: float) -> None:
    before, after = estimate(values), estimate([value * scale + shift for value in values])
    assert after.mean == pytest.approx(before.mean * scale + shift, abs=1e-6)
    assert after.half_width == pytest.approx((before.half_width or 0) * scale, rel=1e-6, abs=1e-6)


@given(numbers, st.floats(-100, 100))
def test_a_paired_difference_ignores_what_both_share(values: list[float], shift: float) -> None:
    reference = [math.sin(index) for index in range(len(values))]
    before = paired_difference(values, reference)
    after = paired_difference([v + shift for v in values], [r + shift for r in reference])
    assert after.mean == pytest.approx(before.mean, abs=1e-9)
    swapped = paired_difference(reference, values)
    assert swapped.mean == pytest.approx(-before.mean)
    assert swapped.p_value == before.p_value
    assume(before.half_width is not None and before.half_width > 1e-3 and after.half_width is not None)
    assert after.p_value == pytest.approx(before.p_value, rel=1e-3, abs=1e-9)


@given(numbers)
def test_inputs_are_not_changed(values: list[float]) -> None:
    array = np.array(values)
    kept = array.copy()
    estimate(array)
    paired_difference(array, array[::-1])
    np.testing.assert_array_equal(array, kept)


def test_holm_steps_down() -> None:
    # Holm (1979): 0.01 · 4, 0.02 · 3, then 0.03 · 2 and 0.04 · 1, the last not below the one before.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    assert holm([]).size == 0


def test_holm_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        holm([1.5])


@given(p_values)
def test_holm_keeps_the_order_and_never_helps(raw: list[float]) -> None:
    adjusted = holm(raw)
    assert np.all(adjusted >= np.array(raw))
    assert np.all(adjusted <= 1)
    order = np.argsort(raw, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= 0)


@given(p_values, st.randoms())
def test_holm_does_not_depend_on_the_order(raw: list[float], random: object) -> None:
    shuffled = list(range(len(raw)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(holm([raw[i] for i in shuffled]), holm(raw)[shuffled])


def test_the_false_discovery_rate_steps_up() -> None:
    raw = [0.01, 0.04, 0.03, 0.5]
    np.testing.assert_allclose(benjamini_hochberg(raw), stats.false_discovery_control(raw))
    assert benjamini_hochberg([]).size == 0


@given(p_values)
def test_the_false_discovery_rate_is_scipys_and_below_holm(raw: list[float]) -> None:
    assume(raw)
    np.testing.assert_allclose(benjamini_hochberg(raw), stats.false_discovery_control(raw))
    assert np.all(benjamini_hochberg(raw) <= holm(raw) + 1e-12)


@pytest.mark.parametrize("scale", [1e-123, 1e-80, 1.0, 1e80])
def test_welchs_test_does_not_depend_on_the_scale(scale: float) -> None:
    values, reference = np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0])
    found = welch_difference(scale * values, scale * reference)
    assert found.p_value == pytest.approx(stats.ttest_ind(values, reference, equal_var=False).pvalue)
