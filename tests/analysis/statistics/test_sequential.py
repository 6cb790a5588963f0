"""Seeds added until decided: what is spent at each look, and the chance of error by simulation."""

import numpy as np
import pytest

from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Pairs
from analysis.statistics.sequential import decide, spent_at

LOOKS = (5, 10, 20)
REPEATS = 150


def test_the_looks_spend_the_level_in_proportion_to_their_seeds() -> None:
    assert spent_at((5, 10, 20)) == pytest.approx([0.0125, 0.0125, 0.025])
    assert spent_at((10,)) == [0.05]


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5)])
def test_looks_that_do_not_rise_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not rise from at least 2 seeds"):
        spent_at(looks)


def test_a_table_without_a_difference_is_rarely_wrong_over_all_looks() -> None:
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(REPEATS):
        values = 97 + 0.3 * rng.standard_normal((5, max(LOOKS)))
        found = decide([Pairs(level, values[-1]) for level in values[:-1]], LOOKS, higher_is_better=True, margin=0.5)
        wrong += any(one.comparison.verdict in (BETTER, WORSE) for one in found)
    assert wrong / REPEATS <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPEATS)


def test_a_level_stops_where_it_is_settled() -> None:
    rng = np.random.default_rng(1)
    reference = 97 + 0.1 * rng.standard_normal(20)
    noise = 0.1 * rng.standard_normal((3, 20))
    levels = [reference - 5 + noise[0], reference + noise[1], reference + 0.6 + 10 * noise[2]]
    found = decide([Pairs(level, reference) for level in levels], LOOKS, higher_is_better=True, margin=0.5)
    assert [(one.comparison.verdict, one.n, one.settled) for one in found] == [
        (WORSE, 5, True),
        (EQUAL, 5, True),
        (UNCLEAR, 20, False),
    ]
    # A level that is settled needs no further seeds, and one that is open waits for all of its own.
    short = [Pairs(levels[0][:5], reference[:5]), Pairs(levels[1][:5], reference[:5]), Pairs(levels[2], reference)]
    assert decide(short, LOOKS, higher_is_better=True, margin=0.5)[2].n == 20
    waiting = [*short[:2], Pairs(levels[2][:9], reference[:9])]
    assert decide(waiting, LOOKS, higher_is_better=True, margin=0.5)[2].n == 5
