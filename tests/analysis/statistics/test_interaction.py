"""Whether one change depends on another: contrasts by seed, Holm's correction, cells that ended badly."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.comparisons import EQUAL, UNCLEAR
from analysis.statistics.interaction import DEPENDS, UNKNOWN, Change, interaction, interaction_words, judged
from analysis.statistics.intervals import paired_difference
from analysis.statistics.measure import Measure

HIGHER, PERCENT = Measure(True), Measure(True, "%", accuracy=True, chance=10.0)
DROPOUT, NORM = Change("dropout", "0", "0.3"), Change("batch_norm", "false", "true")


def cells(values: Sequence[Sequence[float]]) -> pd.DataFrame:
    """Return replicates from values by cell (0 0, 1 0, 0 1, 1 1) and seed."""
    return pd.DataFrame(
        [
            {"first": cell % 2, "second": cell // 2, "seed": seed, "value": value}
            for cell, own in enumerate(values)
            for seed, value in enumerate(own)
        ]
    )


VALUES = [[90.0, 91.0, 90.5, 92.0], [89.9, 91.1, 90.3, 91.8], [91.0, 92.2, 91.4, 93.1], [91.9, 93.0, 92.1, 94.0]]


def test_the_contrast_is_the_difference_of_gains_by_seed() -> None:
    found = interaction(cells(VALUES), DROPOUT, NORM, PERCENT)
    raw = np.array(VALUES)
    expected = paired_difference(raw[3] - raw[2], raw[1] - raw[0])
    assert found.contrast is not None
    assert found.contrast.mean == pytest.approx(expected.mean)
    assert found.contrast.half_width == pytest.approx(expected.half_width)
    assert found.contrast.p_value == pytest.approx(expected.p_value)
    assert found.without is not None
    assert found.without.mean == pytest.approx(-0.1)
    assert found.beside is not None
    assert found.beside.mean == pytest.approx(0.825)
    assert found.n == 4


def test_words_say_what_it_depends_on() -> None:
    found = judged([interaction(cells(VALUES), DROPOUT, NORM, PERCENT)], PERCENT)[0]
    assert found.verdict == DEPENDS
    words = interaction_words(found, decimals=1)
    assert words.startswith("the gain of `dropout 0.3` over `0` is +0.8 ± ")
    assert "points with `batch_norm true`, −0.1 ± 0.2 points with `batch_norm false`" in words
    assert words.endswith(": it depends")


def test_a_loss_that_falls_is_a_gain() -> None:
    up = interaction(cells(VALUES), DROPOUT, NORM, HIGHER)
    down = interaction(cells((-np.array(VALUES)).tolist()), DROPOUT, NORM, Measure(False))
    assert up.contrast == down.contrast
    assert up.beside == down.beside


def test_all_pairs_share_one_chance_of_error() -> None:
    rng = np.random.default_rng(0)
    found = [interaction(cells(VALUES), DROPOUT, NORM, HIGHER)]
    found += [interaction(cells(rng.normal(scale=0.05, size=(4, 4))), DROPOUT, NORM, HIGHER) for _ in range(9)]
    alone, many = judged(found[:1], HIGHER)[0], judged(found, HIGHER)[0]
    assert alone.contrast is not None
    assert alone.adjusted_p == alone.contrast.p_value
    assert many.adjusted_p == pytest.approx(10 * (alone.adjusted_p or 0))
    assert many.contrast is not None
    assert (many.contrast.half_width or 0) > 2 * (alone.contrast.half_width or 0), "its interval is corrected as well"


def test_survivors_are_not_averaged_alone() -> None:
    frame = cells(VALUES).assign(ended="")
    bad = (frame["first"] == 1) & (frame["second"] == 0) & (frame["seed"] == 2)
    frame = frame.assign(ended=np.where(bad, "diverged", ""), value=frame["value"].mask(bad))
    found = judged([interaction(frame, DROPOUT, NORM, PERCENT)], PERCENT)[0]
    assert (found.contrast, found.without, found.verdict, found.adjusted_p) == (None, None, UNKNOWN, None)
    assert found.beside is not None
    assert found.cells[1, 0] is None
    assert found.ended == "`dropout 0.3` with `batch_norm false` diverged in 1 of 4"
    words = interaction_words(found)
    assert "not known with `batch_norm false`" in words
    assert "diverged in 1 of 4" in words


def test_a_seed_that_lacks_a_cell_counts_nowhere() -> None:
    found = interaction(cells(VALUES).iloc[:-1], DROPOUT, NORM, HIGHER)
    assert (found.n, found.left_out) == (3, (3,))


def test_one_seed_shows_nothing() -> None:
    found = judged([interaction(cells([[1.0], [2.0], [3.0], [9.0]]), DROPOUT, NORM, HIGHER)], HIGHER)[0]
    assert (found.verdict, found.adjusted_p) == (UNCLEAR, None)
    words = interaction_words(found)
    assert "one seed, no interval" in words
    assert words.endswith("(1 seed): no clear difference")


def test_equal_contrasts_claim_nothing() -> None:
    values = [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    found = judged([interaction(cells(values), DROPOUT, NORM, HIGHER)], HIGHER)[0]
    assert found.verdict == UNCLEAR
    assert "+2.00 (in every pair)" in interaction_words(found)


def test_accuracies_in_two_heaps_are_told() -> None:
    values = [list(own) for own in VALUES]
    values[0][0] = 16.0
    found = judged([interaction(cells(values), DROPOUT, NORM, PERCENT)], PERCENT)[0]
    assert "`dropout 0` with `batch_norm false` collapsed in 1 of 4 (1 to 81% of all seeds)" in interaction_words(found)
    assert found.contrast is not None
    assert found.contrast.n == 3, "of the seeds that learnt everywhere"
    assert found.cells[0, 0] is not None
    assert found.cells[0, 0].mean > 90


def test_gains_within_the_margin_are_practically_equal() -> None:
    rng, measure = np.random.default_rng(1), Measure(True, margin=1.0)
    values = 90 + 0.1 * rng.normal(size=(4, 6))
    assert judged([interaction(cells(values), DROPOUT, NORM, measure)], measure)[0].verdict == EQUAL


def test_contrasts_that_differ_by_one_row_are_not_shown_by_their_spread() -> None:
    measure = Measure(True, "%", accuracy=True, rows=1000)
    values = np.full((4, 5), 90.0)
    values[3] += [0.5, 0.5, 0.6, 0.5, 0.5]
    found = judged([interaction(cells(values), DROPOUT, NORM, measure)], measure)[0]
    assert (found.verdict, found.adjusted_p) == (UNCLEAR, pytest.approx(2 / 32))


def test_the_interval_covers_and_the_test_keeps_its_level() -> None:
    rng = np.random.default_rng(0)
    covered = called = 0
    for _ in range(300):
        # Seeds share a level, as paired replicates do.
        values = rng.normal(size=(4, 5)) + 3 * rng.normal(size=5) + np.array([[0.0], [1.0], [0.5], [1.5]])
        found = judged([interaction(cells(values), DROPOUT, NORM, HIGHER)], HIGHER)[0]
        assert found.contrast is not None
        assert found.contrast.half_width is not None
        covered += abs(found.contrast.mean) <= found.contrast.half_width
        called += found.verdict == DEPENDS
    assert covered / 300 == pytest.approx(0.95, abs=0.035)
    assert called == 300 - covered


def test_what_is_no_factorial_is_refused() -> None:
    frame = cells(VALUES)
    with pytest.raises(ValueError, match="no seed was run in all four cells"):
        interaction(frame[frame["first"] == 0], DROPOUT, NORM, HIGHER)
    with pytest.raises(ValueError, match="two lines in one cell"):
        interaction(pd.concat([frame, frame]), DROPOUT, NORM, HIGHER)
    with pytest.raises(ValueError, match="0 before the change and 1 after it"):
        interaction(frame.assign(first=frame["first"] + 1), DROPOUT, NORM, HIGHER)
