"""What a number of seeds can show, against simulations and by its invariants."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.power import MOST_SEEDS, seeds_needed, smallest_shown


@pytest.mark.parametrize("n", [3, 10])
def test_the_smallest_difference_is_shown_in_four_of_five(n: int) -> None:
    difference = smallest_shown(0.5, n, 0.05)
    drawn = difference + 0.5 * np.random.default_rng(0).standard_normal((4000, n))
    assert (stats.ttest_1samp(drawn, 0.0, axis=1).pvalue <= 0.05).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("n", [4, 12, 60])
def test_as_many_seeds_are_needed_as_show_it(n: int) -> None:
    assert seeds_needed(1.0001 * smallest_shown(0.5, n, 0.0125), 0.5, 0.0125) == n


def test_a_margin_settles_what_is_no_difference() -> None:
    assert seeds_needed(0.0, 0.5, 0.05) == MOST_SEEDS + 1
    n = seeds_needed(0.0, 0.5, 0.05, margin=0.5)
    drawn = 0.5 * np.random.default_rng(0).standard_normal((4000, n))
    half = stats.t.ppf(0.975, n - 1) * drawn.std(axis=1, ddof=1) / np.sqrt(n)
    assert (np.abs(drawn.mean(axis=1)) + half <= 0.5).mean() == pytest.approx(0.8, abs=0.05)
    assert seeds_needed(0.0, 0.5, 0.05, margin=0.5, above=100) == 101
