"""Means, differences and bad endings in words."""

import pandas as pd

from analysis.statistics.intervals import Difference, Estimate
from analysis.statistics.words import ended_words, format_difference, format_estimate


def test_nothing_is_a_dash() -> None:
    assert format_estimate(None, 2) == "–"
    assert format_difference(None, 2) == "–"


def test_an_interval_that_leaves_the_limits_is_written_by_its_ends() -> None:
    inside, beyond = Estimate(95.0, 2.0, 3), Estimate(99.2, 2.1, 3)
    assert format_estimate(inside, 1, (0.0, 100.0)) == "95.0 ± 2.0"
    assert format_estimate(beyond, 1, (0.0, 100.0)) == "99.2 (97.1 to 100.0)"
    assert format_estimate(beyond, 1) == "99.2 ± 2.1"
    assert format_estimate(Estimate(95.0, None, 1), 1) == "95.0"


def test_a_difference_has_a_sign_unless_it_rounds_to_nothing() -> None:
    assert format_difference(Difference(1.5, 0.25, 3, 0.01), 2) == "+1.50 ± 0.25"
    assert format_difference(Difference(-1.5, None, 3, 1.0), 1) == "−1.5 in every pair"
    assert format_difference(Difference(0.001, None, 1, None), 2) == "0.00"


def test_bad_endings_are_counted() -> None:
    assert ended_words(pd.Series(["", "diverged", "", "failed"])) == "diverged in 1 of 4, failed in 1 of 4"
    assert ended_words(pd.Series(["", ""])) == ""
