"""What picking the best does to its mean, and epochs that others have chosen."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.selection import at_epochs_of_others, flattery


@pytest.mark.parametrize(("levels", "n"), [(4, 3), (9, 5)])
def test_the_best_of_equal_levels_is_flattered_by_as_much(levels: int, n: int) -> None:
    drawn = 97 + 0.5 * np.random.default_rng(0).standard_normal((1000, levels, n))
    said = np.mean([flattery(list(table)) for table in drawn])
    assert said == pytest.approx(drawn.mean(axis=2).max(axis=1).mean() - 97, rel=0.15)


def test_one_level_flatters_nobody() -> None:
    assert flattery([np.array([1.0, 2.0])]) is None
    assert flattery([np.array([1.0]), np.array([2.0])]) is None


@pytest.mark.parametrize("n", [3, 10])
def test_noisier_plateaus_are_no_better_at_the_epochs_of_others(n: int) -> None:
    rng, differences, wrong = np.random.default_rng(0), [], []
    for _ in range(300):
        noisy, calm = (97 + noise * rng.standard_normal((n, 40)) for noise in (0.45, 0.15))
        fair = at_epochs_of_others(noisy) - at_epochs_of_others(calm)
        differences.append(fair.mean())
        wrong.append(stats.ttest_1samp(fair, 0.0).pvalue <= 0.05)
        assert (noisy.max(axis=1) - calm.max(axis=1)).mean() > 0.1
    assert np.mean(differences) == pytest.approx(0.0, abs=0.05)
    assert np.mean(wrong) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
