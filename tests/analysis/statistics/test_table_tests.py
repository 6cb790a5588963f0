"""Verdicts of a table: its chance of error by simulation, and that intervals never contradict them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from analysis.statistics.claim_inference import LEVEL, directed
from analysis.statistics.collapse import find_collapsed
from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Pairs
from analysis.statistics.table_tests import compare

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]
REPEATS = 200


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.3 * rng.standard_normal(shape)


def collapsing(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.where(rng.random(shape) < 0.2, 17.0, normal(rng, shape))


def few(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.round((97.1 + 0.1 * rng.standard_normal(shape)) / 0.25) * 0.25


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    values = 97.5 - rng.exponential(0.5, shape)
    values[-1] = 97.0 + 0.1 * rng.standard_normal(shape[1])
    return values


def table(values: Array, rows: int | None = 1291) -> list[Pairs]:
    """Return the comparisons of values [levels + 1, n] with the last of them."""
    marks = find_collapsed(list(values), chance=17.0, rows=rows)
    return [Pairs(v, values[-1], m, marks[-1]) for v, m in zip(values[:-1], marks, strict=False)]


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("draw", [normal, collapsing, few, skewed])
def test_a_table_without_a_difference_is_rarely_wrong(draw: Draw, n: int) -> None:
    # 5% of 200 tables, and three standard errors of that.
    rng, wrong = np.random.default_rng(n), 0
    for _ in range(REPEATS):
        found = compare(table(draw(rng, (5, n))), higher_is_better=True)
        wrong += any(one.verdict in (BETTER, WORSE) for one in found)
    assert wrong / REPEATS <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPEATS)


@given(
    arrays(np.float64, (4, 6), elements=st.floats(90, 99, width=32)),
    st.sampled_from([None, 0.5, 5.0]),
    st.booleans(),
)
def test_a_verdict_never_contradicts_its_interval(values: Array, margin: float | None, higher: bool) -> None:
    pairs = [Pairs(level, values[-1]) for level in values[:-1]]
    for one in compare(pairs, higher_is_better=higher, margin=margin):
        low, high = one.difference.low, one.difference.high
        if low is None or high is None:
            continue
        if one.verdict in (BETTER, WORSE):
            assert (low >= 0) if (one.verdict == BETTER) == higher else (high <= 0)
        else:
            assert low <= 0 <= high
        assert one.margin is None or (one.verdict == EQUAL) <= (-one.margin <= low and high <= one.margin)


def test_the_interval_is_cut_where_holm_shows_more_than_bonferroni() -> None:
    clear, near = np.array([9.9, 10.0, 10.1, 10.05, 9.95]), np.array([0.1, 0.9, 0.7, 0.2, 0.45])
    found = compare([Pairs(x, np.zeros(5)) for x in (clear, near)], higher_is_better=True)
    assert [one.verdict for one in found] == [BETTER, BETTER]
    assert found[1].difference is not None
    assert found[1].difference.low == 0.0


def test_equal_up_to_rounding_is_equal() -> None:
    # Of the triples of equal accuracies k/1291, some have a spread of about 1e-14.
    for count in range(1200, 1291):
        value = 100 * count / 1291
        (found,) = compare([Pairs(np.full(3, value + 100 / 360), np.full(3, value))], higher_is_better=True)
        assert (found.verdict, found.adjusted_p) == (UNCLEAR, 0.25)


@pytest.mark.parametrize("rows", [[5, 5, 6], [10, 11]])
def test_differences_of_nearly_as_many_rows_tell_nothing_of_their_spread(rows: list[int]) -> None:
    values = 90 + 100 * np.array(rows) / 1291
    (found,) = compare([Pairs(values, np.full(len(rows), 90.0))], higher_is_better=True, step=100 / 1291)
    assert found.verdict == UNCLEAR
    assert found.adjusted_p == pytest.approx(2 * 0.5 ** len(rows))
    assert found.difference is not None
    assert found.difference.half_width is None


@pytest.mark.parametrize("n", [5, 6, 10])
def test_sentences_and_tables_agree_on_equal_differences(n: int) -> None:
    values, reference = np.full(n, 95.0), np.full(n, 94.0)
    (shown,) = compare([Pairs(values, reference)], higher_is_better=True)
    said = directed(values, reference, 1.0, "points", "")
    assert said.p_claim is not None
    assert (shown.verdict == BETTER) == (said.p_claim <= LEVEL)


def test_practically_equal_is_shown_within_the_margin() -> None:
    rng = np.random.default_rng(0)
    reference = 97 + 0.1 * rng.standard_normal(10)
    pairs = Pairs(reference + 0.05 * rng.standard_normal(10), reference)
    assert compare([pairs], higher_is_better=True, margin=0.5)[0].verdict == EQUAL
    assert compare([pairs], higher_is_better=True)[0].verdict == UNCLEAR
    small = Pairs(reference + 0.2 + 0.01 * rng.standard_normal(10), reference)
    found = compare([small], higher_is_better=True, margin=0.5)[0]
    assert (found.verdict, found.small) == (BETTER, True)


def test_shares_that_collapsed_are_compared_exactly() -> None:
    fine, lost = 97 + 0.1 * np.arange(5), np.full(5, 17.0)
    found = compare(table(np.stack([lost, np.where(np.arange(5) < 1, 17.0, fine), fine])), higher_is_better=True)
    assert [one.verdict for one in found] == [WORSE, UNCLEAR]
    assert found[0].shares == ((5, 5), (0, 5))
    assert found[0].by_share
    assert found[0].difference is None
    # With two seeds, two that collapsed are no more than bad luck.
    assert compare(table(np.stack([lost[:2], fine[:2]])), higher_is_better=True)[0].verdict == UNCLEAR


def test_new_data_is_claimed_with_wider_intervals() -> None:
    values = [Pairs(np.array([97.4, 97.3, 97.5]), np.array([96.8, 96.9, 96.9]))]
    here, elsewhere = (compare(values, higher_is_better=True, overlap=overlap)[0] for overlap in (0.0, 1291 / 6000))
    assert here.difference is not None
    assert elsewhere.difference is not None
    ratio = (elsewhere.difference.half_width or 0) / (here.difference.half_width or 1)
    assert ratio == pytest.approx(np.sqrt(1 + 3 * 1291 / 6000))


def test_replicates_that_are_no_pairs_are_compared_by_welchs_test() -> None:
    values, reference = np.array([97.4, 97.3, 97.5, 97.1]), np.array([96.8, 96.9, 96.2])
    (found,) = compare([Pairs(values, reference, paired=False)], higher_is_better=True)
    expected = stats.ttest_ind(values, reference, equal_var=False)
    assert found.adjusted_p == pytest.approx(expected.pvalue)
    assert found.difference is not None
    assert found.difference.high == pytest.approx(expected.confidence_interval(0.95).high)
    assert not found.paired
    collapsed = Pairs(values, reference, values < 97.2, reference < 0, paired=False)
    assert compare([collapsed], higher_is_better=True)[0].shares == ((1, 4), (0, 3))
