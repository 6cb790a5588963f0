"""How pilots share the time."""

from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.forecast.pilot_samples import budget_seconds, seconds_for_pilot, that_fit


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=50), st.floats(0, 1e6))
def test_pilots_take_bounded_time(weights: list[float], work: float) -> None:
    seconds = budget_seconds(work)
    each = [seconds_for_pilot(weight / sum(weights), len(weights), seconds) for weight in weights]
    assert sum(each) <= seconds + 0.3 * len(weights) + 1e-6
    assert min(each) > 0


@given(st.lists(st.floats(0.1, 3), min_size=1, max_size=50), st.floats(0, 100))
def test_pilots_that_do_not_fit_are_the_last(seconds: list[float], most: float) -> None:
    wanted = [{"seconds": each} for each in seconds]
    kept = that_fit(wanted, most)
    assert kept == wanted[: max(1, len(kept))]
    assert len(kept) == 1 or sum(pilot["seconds"] for pilot in kept) <= most
    assert that_fit(wanted, 1000.0) == wanted
