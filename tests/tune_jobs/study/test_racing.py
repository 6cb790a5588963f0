"""Who gets another seed at a rung."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.study.racing import race
from tune_jobs.study.schedulers import Decision, Scheduler

_VALUES = st.integers(-20, 20).map(float) | st.just(-inf)


def whole(*means: float, spread: float = 0.1) -> list[dict[int, float]]:
    """Candidates with three seeds each, around these means."""
    noise = np.random.default_rng(0).normal(0, spread, (len(means), 3))
    return [dict(enumerate(mean + row)) for mean, row in zip(means, noise, strict=True)]


def decided(mine: dict[int, float], others: list[dict[int, float]]) -> Decision:
    return race(mine, others, replicates=3, reduction_factor=3)


def test_before_the_noise_is_known_nobody_is_clearly_behind() -> None:
    assert decided({0: 1.0}, []) == Decision(True, 1, 1, more=True)
    assert decided({0: 1.0}, [{0: 99.0}]).more
    assert decided({0: 1.0}, whole(99.0)).more


def test_clearly_behind_gets_no_further_seed_and_close_ones_do() -> None:
    others = whole(90.0, 91.0, 92.0)
    assert decided({0: 80.0}, others) == Decision(True, 4, 4)
    assert decided({0: 91.9}, others).more
    assert decided({0: 99.0}, others) == Decision(True, 1, 4, more=True), "all who go on have all their seeds"


def test_with_all_seeds_the_mean_decides() -> None:
    others = whole(90.0, 91.0, 92.0)
    assert not decided({0: 80.0, 1: 99.0, 2: 99.0}, others).stop
    assert decided({0: 99.0, 1: 88.0, 2: 80.0}, others) == Decision(True, 4, 4)


def test_a_seed_that_diverged_ends_the_race() -> None:
    assert decided({0: 95.0, 1: -inf}, whole(90.0, 91.0)) == Decision(True, 3, 3)
    assert decided({0: -inf}, [{0: -inf}, {0: 1.0}]) == Decision(True, 2, 3)


def test_candidates_are_compared_on_the_seeds_that_both_have() -> None:
    # Seed 1 is ten points harder for everybody.
    others = [{0: 90.0, 1: 80.0, 2: 90.0}, {0: 91.0, 1: 81.0, 2: 91.0}, {0: 89.0}]
    assert decided({0: 91.5, 1: 81.5}, others).rank == 1
    # What the seeds do to all alike is no noise.
    assert not decided({0: 88.0}, [*others[:2], {0: 89.0, 1: 79.0, 2: 89.0}]).more


@given(_VALUES, st.lists(_VALUES, max_size=9), st.integers(2, 4))
def test_with_one_seed_it_is_successive_halving(mine: float, others: list[float], factor: int) -> None:
    found = race({0: mine}, [{0: other} for other in others], replicates=1, reduction_factor=factor)
    assert found == Scheduler(reduction_factor=factor).decide([mine], others)


@given(st.lists(st.dictionaries(st.integers(0, 2), _VALUES, min_size=1), max_size=8), st.data())
def test_a_race_asks_for_seeds_until_it_has_all_and_no_order_matters(
    others: list[dict[int, float]], data: st.DataObject
) -> None:
    mine = data.draw(st.dictionaries(st.integers(0, 2), _VALUES, min_size=1))
    found = decided(mine, others)
    assert decided(mine, list(reversed(others))) == found
    assert not (found.more and len(mine) == 3)
    assert found.stop or len(mine) == 3 or -inf in mine.values()


def test_equal_seeds_leave_no_doubt() -> None:
    assert decided({0: 90.0}, whole(90.0, 90.0, spread=0.0)).more
    assert not decided({0: 89.9}, whole(90.0, 90.0, spread=0.0)).more


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_an_equal_candidate_is_seldom_dropped_by_its_first_seed(spread: float) -> None:
    rng, dropped = np.random.default_rng(0), 0
    for _ in range(400):
        others = [dict(enumerate(90 + spread * rng.standard_normal(3))) for _ in range(5)]
        found = decided({0: 90 + spread * float(rng.standard_normal())}, others)
        dropped += not found.more
    # Behind the best of five, which is lucky itself: more than 5% of them, and far from most.
    assert dropped / 400 < 0.25
