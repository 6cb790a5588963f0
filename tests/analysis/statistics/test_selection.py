"""What picking the best of several levels does to its mean."""

import numpy as np
import pytest

from analysis.statistics.selection import flattery


@pytest.mark.parametrize(("levels", "n"), [(4, 3), (9, 5)])
def test_the_best_of_equal_levels_is_flattered_by_as_much(levels: int, n: int) -> None:
    drawn = 97 + 0.5 * np.random.default_rng(0).standard_normal((1000, levels, n))
    said = np.mean([flattery(list(table)) for table in drawn])
    assert said == pytest.approx(drawn.mean(axis=2).max(axis=1).mean() - 97, rel=0.15)


def test_one_level_flatters_nobody() -> None:
    assert flattery([np.array([1.0, 2.0])]) is None
    assert flattery([np.array([1.0]), np.array([2.0])]) is None
