"""The path of a staged study."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Pairs
from analysis.statistics.intervals import holm, paired_difference
from analysis.statistics.measure import Measure
from analysis.statistics.table_tests import compare
from analysis.statistics.waterfall import KEPT, UNKNOWN, Waterfall, waterfall

LABELS = ["Start", "Architecture", "Optimizer", "Loss"]
HIGHER, PERCENT = Measure(True), Measure(True, "%", accuracy=True, rows=1000, chance=10.0)
FRESH = range(100_000, 100_005)
RAW = np.array(
    [
        [92.0, 92.4, 91.8, 92.1, 92.2],
        [95.1, 95.2, 94.9, 95.3, 95.0],
        [95.1, 95.2, 94.9, 95.3, 95.0],
        [94.4, 94.5, 94.1, 94.7, 94.2],
    ]
)


def frame(values: Sequence[Sequence[float]], seeds: Sequence[int]) -> pd.DataFrame:
    """Return a line for each point and seed of values [points, seeds]."""
    lines = [
        {"point": point, "seed": seed, "value": value}
        for point, row in enumerate(values)
        for seed, value in zip(seeds, row, strict=True)
    ]
    return pd.DataFrame(lines, columns=["point", "seed", "value"])


def path(
    fresh: pd.DataFrame | None = None, *, higher: bool = True, chosen: Sequence[str] = ("CNN", "", "MSE")
) -> Waterfall:
    """Return a path of a stage that gains, one that keeps, and one that loses."""
    return waterfall(
        frame(RAW.tolist(), FRESH) if fresh is None else fresh,
        frame([[92.0, 92.1], [96.0, 96.3], [96.0, 96.3], [96.4, 96.5]], range(2)),
        labels=LABELS,
        chosen=chosen,
        measure=Measure(higher),
    )


def with_ending(point: int, *seeds: int) -> pd.DataFrame:
    """Return the fresh seeds' values, where some diverged at a point."""
    fresh = frame(RAW.tolist(), FRESH)
    bad = (fresh["point"] == point) & fresh["seed"].isin([FRESH[seed] for seed in seeds])
    return fresh.assign(value=fresh["value"].mask(bad), ended=np.where(bad, "diverged", ""))


def test_gains_are_paired_by_seed_and_corrected() -> None:
    found = path()
    assert [step.label for step in found.steps] == LABELS[1:]
    assert [step.verdict for step in found.steps] == [BETTER, KEPT, WORSE]
    expected = compare([Pairs(RAW[1], RAW[0]), Pairs(RAW[3], RAW[2])], higher_is_better=True)
    assert [found.steps[place].comparison for place in (0, 2)] == expected
    assert found.steps[0].gain == expected[0].difference
    assert found.steps[1].adjusted_p is None, "a stage that changed nothing is no comparison"
    assert found.complete
    assert found.left_out == ()


def test_what_the_choosing_seeds_showed_stands_beside() -> None:
    seen = [step.seen.mean if step.seen else None for step in path().steps]
    assert seen == [pytest.approx(4.1), 0.0, pytest.approx(0.3)]
    empty = waterfall(frame(RAW.tolist(), FRESH), frame([], ()), labels=LABELS, chosen=["a", "", "c"], measure=HIGHER)
    assert all(step.seen is None for step in empty.steps)


def test_a_reduction_of_an_error_is_a_gain() -> None:
    found = path(higher=False)
    assert [step.verdict for step in found.steps] == [WORSE, KEPT, BETTER]
    assert found.steps[2].gain.mean == pytest.approx(0.72)
    assert found.total is not None
    assert found.total.mean == pytest.approx(-(RAW[3] - RAW[0]).mean())


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4), min_size=2, max_size=5),
    st.booleans(),
)
def test_gains_add_up_to_the_total(values: list[list[float]], higher: bool) -> None:
    found = waterfall(
        frame(values, range(4)),
        frame(values, range(4)),
        labels=[str(number) for number in range(len(values))],
        chosen=["x"] * (len(values) - 1),
        measure=Measure(higher),
    )
    sign = 1 if higher else -1
    assert found.total is not None
    assert sum(step.gain.mean for step in found.steps) == pytest.approx(found.total.mean, abs=1e-6)
    assert found.end is not None
    assert found.start is not None
    assert found.end.mean - found.start.mean == pytest.approx(sign * found.total.mean, abs=1e-6)
    for step in found.steps:
        assert step.after is not None
        assert step.before is not None
        assert step.gain is not None
        assert step.after.mean - step.before == pytest.approx(sign * step.gain.mean, abs=1e-6)
        assert step.seen is not None
        assert step.seen.mean == step.gain.mean
        shown = step.adjusted_p is not None and step.adjusted_p <= 0.05
        assert (step.verdict in (BETTER, WORSE)) == shown
        if step.gain.half_width is not None:
            assert (step.gain.low >= 0 or step.gain.high <= 0) or not shown
            assert shown or step.gain.low < 0 < step.gain.high


def test_the_path_ends_where_it_is_not_known() -> None:
    found = path(frame(RAW[:2].tolist(), FRESH))
    assert [step.label for step in found.steps] == ["Architecture"]
    assert not found.complete
    assert not path(chosen=["CNN"]).complete
    start = path(chosen=[])
    assert start.steps == ()
    assert start.total is None
    assert start.end == start.start


def test_a_seed_without_a_value_somewhere_counts_nowhere() -> None:
    values = RAW.copy()
    values[3, 1] = np.nan
    found = path(frame(values.tolist(), FRESH))
    assert found.left_out == (100_001,)
    assert found.start.n == 4
    assert found.start.mean == pytest.approx(np.delete(RAW[0], 1).mean())


def test_survivors_of_a_stage_are_not_averaged_alone() -> None:
    found = path(with_ending(1, 2, 4))
    first, second, third = found.steps
    assert (first.verdict, first.after, first.gain, first.ended) == (UNKNOWN, None, None, "diverged in 2 of 5")
    assert (second.verdict, second.gain, second.ended) == (UNKNOWN, None, "before it, diverged in 2 of 5")
    assert second.after is not None
    assert third.verdict == WORSE
    assert third.gain.mean == pytest.approx((RAW[3] - RAW[2]).mean())
    assert third.adjusted_p == third.comparison.p_value, "of one stage that can be tested"
    assert found.total.mean == pytest.approx((RAW[3] - RAW[0]).mean())
    assert found.n == 5
    assert found.left_out == ()


@pytest.mark.parametrize("point", [0, 3])
def test_a_start_or_an_end_that_diverged_has_no_total(point: int) -> None:
    found = path(with_ending(point, 0))
    assert found.total is None
    assert (found.start is None) == (point == 0)
    assert (found.end is None) == (point == 3)


def test_seeds_that_chose_and_diverged_show_no_gain() -> None:
    seen = frame([[92.0, 92.1], [96.0, np.nan]], range(2)).assign(ended=["", "", "", "diverged"])
    found = waterfall(frame(RAW[:2].tolist(), FRESH), seen, labels=LABELS, chosen=["a"], measure=HIGHER)
    assert found.steps[0].seen is None


def test_a_seed_that_collapsed_after_a_stage_is_told() -> None:
    values = RAW[:2].copy()
    values[1, 0] = 16.0
    found = waterfall(frame(values.tolist(), FRESH), frame([], ()), labels=LABELS, chosen=["CNN"], measure=PERCENT)
    words = "collapsed in 1 of 5, before in 0 of 5; the gain is that of seeds that learnt both times"
    assert found.steps[0].collapse == words


def test_one_fresh_seed_shows_nothing() -> None:
    found = path(frame(RAW[:, :1].tolist(), [100_000]))
    assert [step.verdict for step in found.steps] == [UNCLEAR, KEPT, UNCLEAR]


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="no value at point 0, Start"):
        path(frame([], ()))
    with pytest.raises(ValueError, match="4 for 3 stages"):
        path(chosen=["a"] * 4)
    values = [[1.0, np.nan], [np.nan, 1.0]]
    with pytest.raises(ValueError, match="no seed has a value at every point"):
        path(frame(values, [7, 8]), chosen=["a"])


def test_points_that_are_read_differently_are_not_compared() -> None:
    reads = ["the best of 10 epochs", "the best of 10 epochs", "the best of 50 epochs", "the best of 50 epochs"]
    found = waterfall(
        frame(RAW.tolist(), FRESH), frame([], ()), labels=LABELS, chosen=["a", "b", "c"], measure=HIGHER, reads=reads
    )
    first, second, third = found.steps
    assert (first.verdict, third.verdict) == (BETTER, WORSE)
    assert (second.verdict, second.gain) == (UNKNOWN, None)
    assert second.missing == "not compared: it shows the best of 50 epochs, and before it the best of 10 epochs"
    assert found.total is None, "nor are start and end"


def test_a_small_gain_is_practically_equal() -> None:
    found = waterfall(
        frame([RAW[1], RAW[1] + [0.01, 0.02, -0.01, 0.0, 0.01]], FRESH),
        frame([], ()),
        labels=LABELS,
        chosen=["CNN"],
        measure=Measure(True, margin=0.5),
    )
    assert found.steps[0].verdict == EQUAL
    assert found.margin == 0.5


def test_gains_that_differ_by_one_row_are_not_shown_by_their_spread() -> None:
    after = RAW[1] + np.array([0.5, 0.5, 0.6, 0.5, 0.5])
    found = waterfall(frame([RAW[1], after], FRESH), frame([], ()), labels=LABELS, chosen=["CNN"], measure=PERCENT)
    assert found.steps[0].verdict == UNCLEAR
    assert found.steps[0].adjusted_p == pytest.approx(2 / 32), "of the sign test"


def test_a_path_of_changes_that_do_nothing_is_rarely_wrong() -> None:
    """Points whose bad replicates are rare, between points that are tight: the plain paired test is too bold there."""
    rng, wrong, plain, repeats = np.random.default_rng(0), 0, 0, 150
    for _ in range(repeats):
        tight, skewed = 97 + 0.1 * rng.standard_normal((3, 10)), 97.5 - rng.exponential(0.5, (2, 10))
        values = [tight[0], skewed[0], tight[1], skewed[1], tight[2]]
        found = waterfall(frame(values, range(10)), frame([], ()), labels="abcde", chosen="1234", measure=HIGHER)
        wrong += any(step.verdict in (BETTER, WORSE) for step in found.steps)
        p_values = [paired_difference(*pair).p_value or 0.0 for pair in zip(values[1:], values, strict=False)]
        plain += bool((holm(p_values) <= 0.05).any())
    assert plain > 0.09 * repeats, "the data are of a kind that needs more"
    assert wrong <= 0.07 * repeats
