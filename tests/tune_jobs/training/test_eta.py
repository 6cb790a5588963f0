"""How long a run still takes."""

import pytest

from tune_jobs.training import eta as module
from tune_jobs.training.eta import Eta


class Clock:
    """A clock that tests move by hand."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_the_pace_is_that_since_the_beginning(clock: Clock) -> None:
    estimate = Eta(100)
    assert estimate.seconds_left(0) is None
    estimate.begin(40)
    clock.seconds = 10
    estimate.begin(99)
    assert estimate.seconds_left(60) == pytest.approx(20)


def test_there_is_no_estimate_before_enough_has_been_seen(clock: Clock) -> None:
    estimate = Eta(100, least_seconds=3, least_share=0.02)
    estimate.begin(0)
    clock.seconds = 2.9
    assert estimate.seconds_left(50) is None
    clock.seconds = 3
    assert estimate.seconds_left(0) is None
    assert estimate.seconds_left(1.9) is None
    assert estimate.seconds_left(2) == pytest.approx(147)
