"""Samplers: pure functions of seed, number and what is known, that stay in the space; and one of them learns."""

import math
from typing import Any

import pytest

from tune_jobs.study.samplers import SAMPLERS, STARTUP_TRIALS, Observation, grid, random, tpe
from tune_jobs.study.space import Parameter, Space

SPACE = Space(
    (
        Parameter("x", low=1e-4, high=1.0, log=True),
        Parameter("units", low=1, high=8, integer=True),
        Parameter("kind", choices=("a", "b", "c")),
        Parameter("extra", low=0.0, high=1.0, when={"kind": ("b",)}),
    )
)
SMALL = Space(
    (
        Parameter("kind", choices=("a", "b", "c")),
        Parameter("extra", low=0.0, high=1.0, when={"kind": ("b",)}),
        Parameter("units", low=1, high=3, integer=True),
    )
)


STEPPED = Space(
    (
        Parameter("units", low=8, high=64, integer=True, step=8),
        Parameter("dropout", low=0.1, high=0.7, step=0.2),
        Parameter("rate", choices=(None, 0.1)),
    )
)


def goodness(values: dict[str, Any]) -> float:
    """Best at x = 0.01, 8 units, kind b and 0.5 of the extra."""
    extra = 1 - abs(values["extra"] - 0.5) if values["kind"] == "b" else 0.0
    return -abs(math.log10(values["x"]) + 2) + 0.1 * values["units"] + extra


def search(sampler: Any, trials: int, seed: int) -> list[Observation]:
    known: list[Observation] = []
    for number in range(trials):
        values = sampler(SPACE, seed, number, 0, known)
        known.append(Observation(values, goodness(values), 10, complete=True))
    return known


def test_random_points_depend_on_seed_and_number_alone() -> None:
    known = search(random, 15, 0)
    for number in (0, 3, 20):
        assert random(SPACE, 0, number, 0, known) == random(SPACE, 0, number, 0, [])
    points = [random(SPACE, seed, number, attempt, []) for seed in (0, 1) for number in (0, 1) for attempt in (0, 1)]
    assert all(points.count(point) == 1 for point in points)


def test_a_grid_gives_each_point_once_and_not_in_order() -> None:
    known: list[Observation] = []
    while (point := grid(SMALL, 7, len(known), 0, known)) is not None:
        known.append(Observation(point, 0.0, 1, complete=True))
    found = [one.values for one in known]
    assert sorted(map(repr, found)) == sorted(map(repr, SMALL.grid()))
    assert found != SMALL.grid()
    assert grid(SMALL, 8, 0, 0, []) != grid(SMALL, 7, 0, 0, []) or grid(SMALL, 9, 0, 0, []) != found[0]


def test_a_grid_goes_past_a_point_that_cannot_be_built() -> None:
    size = len(SMALL.grid())
    points = [grid(SMALL, 0, 0, attempt, []) for attempt in range(size)]
    assert len({repr(point) for point in points}) == size
    assert grid(SMALL, 0, 0, size, []) is None


def test_tpe_is_deterministic_and_random_at_first() -> None:
    known = search(tpe, STARTUP_TRIALS + 4, 3)
    assert [one.values for one in known] == [one.values for one in search(tpe, STARTUP_TRIALS + 4, 3)]
    assert [one.values for one in known[:STARTUP_TRIALS]] == [
        random(SPACE, 3, number, 0, []) for number in range(STARTUP_TRIALS)
    ]
    assert tpe(SPACE, 3, 50, 0, known) != random(SPACE, 3, 50, 0, known)
    assert tpe(SPACE, 3, 50, 0, known) != tpe(SPACE, 3, 50, 1, known)


def test_tpe_learns() -> None:
    """At the same budget the later points are better than random ones, for most seeds and on average."""
    budget, seeds = 30, range(4)
    gains = []
    for seed in seeds:
        learnt = [one.score for one in search(tpe, budget, seed)[STARTUP_TRIALS:]]
        drawn = [one.score for one in search(random, budget, seed)[STARTUP_TRIALS:]]
        gains.append(sum(learnt) / len(learnt) - sum(drawn) / len(drawn))
    assert sum(gain > 0 for gain in gains) >= len(gains) - 1
    assert sum(gains) / len(gains) > 0.2


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_stays_in_the_space_whatever_is_known(sampler: str) -> None:
    points = [random(SPACE, 1, number, 0, []) for number in range(18)]
    assert all(point is not None for point in points)
    known = [Observation(point, goodness(point), 10, complete=True) for point in points[:6]]  # type: ignore[arg-type]
    known += [Observation(point, goodness(point), 1 + index) for index, point in enumerate(points[6:12])]  # type: ignore[arg-type]
    known += [Observation(point, -math.inf, 2) for point in points[12:14]]  # type: ignore[arg-type]
    known += [Observation(point, -math.inf, 10, complete=True) for point in points[14:15]]  # type: ignore[arg-type]
    known += [Observation(point, None) for point in points[15:]]  # type: ignore[arg-type]
    known += [Observation({"x": 0.01, "units": 8, "kind": "a"}, 1.0, 10, complete=True)]
    for number in range(18, 26):
        values = SAMPLERS[sampler](SPACE, 0, number, 0, known)
        assert values is not None
        assert SPACE.holds(values)


def test_tpe_spreads_workers() -> None:
    """Points that train now are not drawn again, although nothing is known of them."""
    known = search(tpe, 20, 0)
    first = tpe(SPACE, 0, 20, 0, known)
    assert first is not None
    assert tpe(SPACE, 0, 20, 0, [*known, Observation(first, None)]) != first


def test_the_model_draws_whole_steps_and_finds_the_best_of_them() -> None:
    known: list[Observation] = []
    for number in range(40):
        values = tpe(STEPPED, 0, number, 0, known)
        assert values is not None
        assert STEPPED.holds(values)
        score = -abs(values["units"] - 48) / 8 - abs(values["dropout"] - 0.3)
        known.append(Observation(values, score, 10, complete=True))
    late = [one.values["units"] for one in known[20:]]
    assert late.count(48) > len(late) / 4, "each of the eight would be drawn in an eighth of the trials by chance"
    assert {type(one.values["units"]) for one in known} == {int}


def test_a_grid_has_every_step() -> None:
    assert len(STEPPED.grid()) == 8 * 4 * 2
