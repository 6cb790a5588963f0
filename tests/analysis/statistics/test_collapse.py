"""Which replicates collapsed, as the accuracies of a table tell it."""

import numpy as np
import pytest

from analysis.statistics.collapse import collapse_of, find_collapsed, no_normal_interval


def marks(*levels: list[float], **options: float) -> list[list[bool]]:
    found = find_collapsed([np.array(level) for level in levels], **options)  # type: ignore[arg-type]
    return [mark.tolist() for mark in found]


def test_a_gap_far_beyond_the_noise_separates_those_that_collapsed() -> None:
    assert marks([98.0, 85.0, 98.2], [97.9, 98.1, 98.0], chance=10.0, rows=360) == [[False, True, False], [False] * 3]


def test_levels_that_differ_have_not_collapsed() -> None:
    assert marks([60.0, 61.0, 59.5], [97.9, 98.1, 98.0], chance=10.0, rows=360) == [[False] * 3] * 2
    assert marks([50.0, 63.0, 49.0], [97.9, 98.1, 98.0], chance=50.0, rows=200) == [[False] * 3] * 2


def test_a_level_at_the_chance_level_has_collapsed_where_others_learn() -> None:
    assert marks([10.0, 9.5, 11.0], [97.9, 98.1, 98.0], chance=10.0, rows=360) == [[True] * 3, [False] * 3]
    assert marks([10.0, 9.5, 11.0], [10.1, 9.0, 10.0], chance=10.0, rows=360) == [[False] * 3] * 2


def test_a_study_may_declare_what_has_collapsed() -> None:
    assert marks([60.0, 61.0], [97.9, 49.0], below=60.5) == [[True, False], [False, True]]


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_collapse(seed: int) -> None:
    levels = list(97 + 0.3 * np.random.default_rng(seed).standard_normal((50, 10)))
    assert not any(mark.any() for mark in find_collapsed(levels, chance=10.0, rows=1291))


def test_the_share_has_its_exact_interval_and_the_rest_its_mean() -> None:
    values = np.array([98.0, 10.0, 98.4])
    found = collapse_of(values, values < 50)
    assert found is not None
    assert found.words == "collapsed in 1 of 3 (1 to 91% of all seeds)"
    assert found.rest is not None
    assert (found.rest.mean, found.rest.n) == (pytest.approx(98.2), 2)
    assert collapse_of(values, values < 0) is None


def test_two_heaps_have_no_normal_interval() -> None:
    assert "which no normal interval describes" in no_normal_interval([98.0, 98.1, 85.0])
    assert no_normal_interval([98.0, 97.1, 97.5]) == ""
    assert no_normal_interval([16.0, 17.0], collapsed=2)
