"""Rungs, and the decision at each, against statements of the rules that know nothing of the code."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.study.schedulers import SCHEDULERS, Scheduler, expected_arrivals, rungs_in_words

SCORES = st.one_of(st.integers(0, 5).map(float), st.just(-math.inf))


def test_the_rungs_of_asha() -> None:
    assert Scheduler("asha", 5, 4).brackets(30) == [(5, 20)]
    assert Scheduler("asha", 1, 3).brackets(27) == [(1, 3, 9)]
    assert Scheduler("asha", 1, 3).brackets(28) == [(1, 3, 9, 27)]
    assert Scheduler("asha", 9, 3).brackets(9) == [()]


@given(st.integers(1, 20), st.integers(2, 6), st.integers(1, 200))
def test_rungs_are_the_grace_times_powers_of_the_factor(grace: int, factor: int, epochs: int) -> None:
    powers = [grace * factor**power for power in range(10)]
    assert Scheduler("asha", grace, factor).brackets(epochs) == [tuple(p for p in powers if p < epochs)]


def test_hyperband_starts_each_bracket_a_rung_later() -> None:
    assert Scheduler("hyperband", 1, 3).brackets(27) == [(1, 3, 9), (3, 9), (9,), ()]


def test_other_schedulers() -> None:
    assert Scheduler("none").brackets(7) == [()]
    assert Scheduler("median", 3).brackets(7) == [(3, 4, 5, 6)]
    assert set(SCHEDULERS) == {"asha", "hyperband", "median", "none"}


@given(SCORES.filter(math.isfinite), st.lists(SCORES, max_size=30), st.integers(2, 5))
def test_asha_keeps_one_in_so_many_of_those_that_reached_the_rung(own: float, others: list[float], factor: int) -> None:
    decision = Scheduler("asha", 1, factor).decide([0.0, own], others)
    everyone = sorted([*others, own], reverse=True)
    kept = max(1, math.floor(Fraction(len(everyone), factor)))
    assert decision.stop == (own < everyone[kept - 1]), "who equals the last that is kept is kept as well"
    assert decision.of == len(everyone)
    assert decision.rank == everyone.index(own) + 1


def test_the_first_arrival_goes_on_and_ascending_arrivals_all_do() -> None:
    scheduler = Scheduler("asha", 1, 3)
    scores = [float(score) for score in range(12)]
    assert not any(scheduler.decide([score], scores[:index]).stop for index, score in enumerate(scores))
    falling = scores[::-1]
    stops = [scheduler.decide([score], falling[:index]).stop for index, score in enumerate(falling)]
    assert stops == [False] + [True] * 11


def test_equals_go_on_together() -> None:
    assert not Scheduler("asha", 1, 4).decide([0.5], [0.5] * 11).stop
    assert Scheduler("asha", 1, 4).decide([0.5], [0.6] * 3 + [0.5] * 8).stop


def test_diverged_trials_are_the_worst_of_a_rung() -> None:
    scheduler = Scheduler("asha", 1, 3)
    assert scheduler.decide([0.1], [0.9, 0.8]).stop
    assert not scheduler.decide([0.7], [0.9, 0.8, *[-math.inf] * 6]).stop


def test_the_median_rule_by_hand() -> None:
    scheduler = Scheduler("median", 1, least_trials=5)
    assert scheduler.score([0.2, 0.4, 0.9]) == pytest.approx(0.5)
    means = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert not scheduler.decide([0.3, 0.0], means).stop, "its best so far is the median"
    assert scheduler.decide([0.29, 0.28], means).stop
    assert not scheduler.decide([0.0], means[:4]).stop, "too few others"
    assert scheduler.decide([0.29], means).rank == 4
    assert scheduler.decide([0.29], [-math.inf] * 2 + means).rank == 4


@pytest.mark.parametrize(("name", "epochs"), [("asha", 27), ("hyperband", 27), ("hyperband", 30), ("none", 9)])
def test_expected_epochs_against_a_simulation(name: str, epochs: int) -> None:
    scheduler = Scheduler(name, 1, 3)
    generator = np.random.default_rng(0)
    rungs, reached, used, trials = scheduler.brackets(epochs), Counter[tuple[int, int]](), 0, 4000
    for number in range(trials):
        bracket, score = scheduler.bracket(number, epochs), generator.random()
        end = epochs
        for rung in rungs[bracket]:
            reached[bracket, rung] += 1
            if score < 1 - 1 / 3 ** (rungs[bracket].index(rung) + 1):  # the best third, of them the best third, …
                end = rung
                break
        used += end
    assert used / trials == pytest.approx(scheduler.expected_epochs(epochs), rel=0.05)


def test_each_bracket_is_given_about_the_same_number_of_epochs() -> None:
    scheduler = Scheduler("hyperband", 1, 3)
    counts = Counter(scheduler.bracket(number, 27) for number in range(300))
    rungs = scheduler.brackets(27)
    shares = []
    for bracket, count in sorted(counts.items()):
        ends, begins = [*rungs[bracket], 27], [0, *rungs[bracket]]
        shares.append(
            count * sum((end - begin) / 3**k for k, (begin, end) in enumerate(zip(begins, ends, strict=True)))
        )
    assert len(shares) == 4
    assert max(shares) / min(shares) < 1.1
    assert counts[0] > counts[3]


def test_random_scores_in_order_of_arrival_keep_about_their_share() -> None:
    scheduler = Scheduler("asha", 1, 3)
    scores = np.random.default_rng(1).random(900).tolist()
    going_on = sum(not scheduler.decide([score], scores[:index]).stop for index, score in enumerate(scores))
    assert going_on / 900 == pytest.approx(1 / 3, abs=0.05)


def test_expected_arrivals() -> None:
    assert expected_arrivals(Scheduler("asha", 5, 4), 64, 30) == {5: 64, 20: 16, 30: 4}
    assert expected_arrivals(Scheduler("none"), 7, 9) == {9: 7}


def test_rungs_in_words() -> None:
    assert rungs_in_words(Scheduler("asha", 5, 4), 30) == (
        "after epochs 5, 20 of 30; the best 1 in 4 of the trials that reach a rung continue"
    )
    assert "1, 3 | 3 | no rung of 9" in rungs_in_words(Scheduler("hyperband", 1, 3), 9)
    assert "from 2 to 8 of 9" in rungs_in_words(Scheduler("median", 2), 9)
    assert rungs_in_words(Scheduler("none"), 9) == "none: every trial trains all 9 epochs"
    for name in ("asha", "hyperband", "median"):
        assert (
            rungs_in_words(Scheduler(name, 9), 9) == "none below the 9 epochs of a trial: every trial trains to the end"
        )
