"""From the timings of pilots to the time of a run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.forecast.estimate import ONE, Cost, Pilot, Span, Work, costs, estimate, makespan, spread

SECONDS = st.lists(st.floats(0, 1e4), max_size=30)
SLOTS = st.integers(1, 40)


def span(values: tuple[float, float, float]) -> Span:
    return Span(*sorted(values))


SPANS = st.tuples(*[st.floats(0, 1e3)] * 3).map(span)
COSTS = st.builds(Cost, SPANS, SPANS, SPANS)


def pilot(shape: str = "a", *epochs: float, **changes: Any) -> Pilot:
    values: dict[str, Any] = {
        "shape": shape,
        "epoch_seconds": epochs or (1.0,),
        "measure_seconds": 0.5,
        "trial_seconds": 0.25,
        "share": 1.0,
        "record_bytes": 1000.0,
        "epoch_bytes": 48.0,
        "measure_bytes": 100.0,
        "log_bytes": 500.0,
        "log_epoch_bytes": 10.0,
        "model_bytes": 400.0,
    }
    return Pilot(**{**values, **changes})


@given(SECONDS, SLOTS)
def test_packing_is_no_shorter_than_it_can_be_and_no_longer_than_it_must(seconds: list[float], slots: int) -> None:
    total, longest = sum(seconds), max(seconds, default=0.0)
    packed = makespan(seconds, slots)
    assert packed >= longest
    assert packed >= total / slots - 1e-6
    # Graham's bound: no slot was free before the last trial to end started.
    assert packed <= total / slots + longest + 1e-6
    assert makespan(seconds, 1) == pytest.approx(total)


@given(SECONDS, SLOTS, st.integers(0, 10))
def test_more_slots_never_take_longer(seconds: list[float], slots: int, more: int) -> None:
    assert makespan(seconds, slots + more) <= makespan(seconds, slots) + 1e-6


def test_longest_first_packs_better() -> None:
    assert makespan([4, 2, 2], 2) == 4
    assert makespan([2, 2, 4], 2) == 6


@given(st.lists(st.builds(Work, st.just("a"), SPANS, SPANS), max_size=20), COSTS, SLOTS, SPANS)
def test_an_estimate_lies_in_its_range(work: list[Work], cost: Cost, slots: int, fixed: Span) -> None:
    found = estimate(work, {"a": cost}, slots, fixed=fixed)
    for quantity in (found.wall, found.busy):
        assert 0 <= quantity.low <= quantity.expected + 1e-6
        assert quantity.expected <= quantity.high + 1e-6
    if work:
        assert found.busy.expected <= slots * (found.wall.expected - fixed.expected) + 1e-3
    else:
        assert found.wall == found.busy == Span.exactly(0)


def test_no_slot_is_an_error() -> None:
    with pytest.raises(ValueError, match="slots: 0"):
        makespan([1.0], 0)


def test_a_time_limit_ends_a_trial() -> None:
    cost = Cost(Span(1, 2, 3), ONE, ONE)
    assert Work("a", Span.exactly(10)).seconds(cost) == Span(12, 22, 32)
    assert Work("a", Span.exactly(10), at_most=20).seconds(cost) == Span(12, 20, 20)


def test_the_spread_gives_each_pilot_one_vote() -> None:
    even = spread([pilot("a", 1.0), pilot("a", *[1.0] * 50)])
    assert even == Span(1, 1, 1)
    wide = spread([pilot("a", *[0.5] * 50), pilot("a", 1.5)])
    assert wide == Span(0.5, 1.0, 1.5)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(1e-3, 10)), min_size=1, max_size=20))
def test_a_timed_shape_costs_its_mean(timings: list[tuple[str, float]]) -> None:
    pilots = [pilot(shape, seconds) for shape, seconds in timings]
    found = costs(pilots, {"a": 1.0, "b": 2.0}, between=[0.1])
    for shape in {shape for shape, _ in timings}:
        epochs = [seconds for name, seconds in timings if name == shape]
        assert found[shape].epoch.expected == pytest.approx(sum(epochs) / len(epochs))
        assert found[shape].trial.expected == pytest.approx(0.35)
        assert found[shape].epoch.low <= found[shape].epoch.expected <= found[shape].epoch.high


def test_an_untimed_shape_goes_by_its_weight_and_is_less_sure() -> None:
    found = costs([pilot("a", 1.0), pilot("b", 3.0)], {"a": 1.0, "b": 1.0, "c": 10.0})
    assert found["c"].epoch == Span(10.0, 20.0, 30.0)
    assert found["c"].measurement.expected == pytest.approx(20 * (0.5 + 0.5 / 3) / 2)
    assert found["a"].epoch == Span.exactly(1.0)


def test_without_a_pilot_there_is_no_cost() -> None:
    with pytest.raises(ValueError, match="pilots: there are none"):
        costs([], {"a": 1.0})
