import numpy as np
from coverage_of_searches import raced_search


def test_a_winner_by_several_seeds_is_better_and_less_flattered_than_by_one() -> None:
    one, three = (
        np.array([raced_search(np.random.default_rng(seed), seeds, 2.0) for seed in range(60)]).mean(axis=0)
        for seeds in (1, 3)
    )
    assert three[0] < one[0]
    assert three[1] < one[1]
    assert three[2] < 3 * one[2]
