"""The space: draws, shares and grids stay within it, and conditions hold."""

from collections import Counter
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.study.space import Parameter, Space, shuffled, stream

SHARES = st.floats(0, 1, exclude_max=True)


@st.composite
def ranges(draw: Any) -> Parameter:
    """A range of any kind."""
    integer, logarithmic = draw(st.booleans()), draw(st.booleans())
    if integer:
        low = draw(st.integers(1 if logarithmic else -50, 100))
        high: Any = low + draw(st.integers(1, 200))
    else:
        low = draw(st.floats(1e-8, 1e3) if logarithmic else st.floats(-1e3, 1e3))
        high = low + draw(st.floats(1e-3, 1e4))
    points = draw(st.integers(1, 7))
    return Parameter("x", low=low, high=high, log=logarithmic, integer=integer, points=points)


def conditional_space() -> Space:
    return Space(
        (
            Parameter("optimizer", choices=("adam", "sgd", "nesterov")),
            Parameter("momentum", low=0.1, high=0.9, when={"optimizer": ("sgd", "nesterov")}),
            Parameter("dampening", choices=(0.0, 0.5), when={"momentum": (0.1,), "optimizer": ("sgd",)}),
            Parameter("units", low=1, high=4, integer=True),
        )
    )


@given(ranges(), SHARES)
def test_every_share_is_a_value_of_the_range(parameter: Parameter, share: float) -> None:
    value = parameter.at(share)
    assert parameter.holds(value)
    assert isinstance(value, int) == parameter.integer
    assert -1e-9 <= parameter.share(value) <= 1 + 1e-9


@given(ranges(), SHARES)
def test_the_share_of_a_value_leads_back_to_it(parameter: Parameter, share: float) -> None:
    value = parameter.at(share)
    continuous = Parameter("x", low=parameter.low, high=parameter.high, log=parameter.log)
    assert continuous.at(parameter.share(value)) == pytest.approx(value, rel=1e-6, abs=1e-6)


@given(ranges(), SHARES, SHARES)
def test_a_larger_share_is_no_smaller_value(parameter: Parameter, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert parameter.at(low) <= parameter.at(high)


@given(ranges())
def test_a_grid_has_the_ends_and_no_repeats(parameter: Parameter) -> None:
    grid = parameter.grid()
    assert len(set(grid)) == len(grid) <= parameter.points
    assert all(parameter.holds(value) for value in grid)
    assert list(grid) == sorted(grid)
    if parameter.points > 1:
        assert grid[0] == parameter.low
        assert grid[-1] == pytest.approx(parameter.high)


def test_a_logarithmic_range_is_uniform_in_the_logarithm() -> None:
    parameter = Parameter("x", low=1e-4, high=1e0, log=True)
    assert [parameter.at(share) for share in (0, 0.25, 0.5, 0.75)] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert parameter.grid() == pytest.approx((1e-4, 1e-2, 1.0))


@pytest.mark.parametrize("steps", [1000, 999])
def test_the_ends_of_whole_numbers_are_as_likely_as_the_others(steps: int) -> None:
    parameter = Parameter("x", low=3, high=7, integer=True)
    counts = Counter(parameter.at(step / steps) for step in range(steps))
    assert set(counts) == {3, 4, 5, 6, 7}
    assert max(counts.values()) - min(counts.values()) <= 2


def test_logarithmic_whole_numbers_have_the_mass_of_the_interval_around_them() -> None:
    parameter = Parameter("x", low=1, high=4, log=True, integer=True)
    steps = 20_000
    counts = Counter(parameter.at(step / steps) for step in range(steps))
    for value, found in counts.items():
        assert found / steps == pytest.approx(log((value + 0.5) / (value - 0.5)) / log(4.5 / 0.5), abs=1e-3)
    assert set(counts) == {1, 2, 3, 4}


def test_what_a_parameter_holds() -> None:
    whole, real = Parameter("x", low=1, high=4, integer=True), Parameter("x", low=1.0, high=4.0)
    assert whole.holds(1)
    assert whole.holds(4.0)
    assert real.holds(2.5)
    for value in (2.5, 0, 5, True, "2", None, [2], float("nan")):
        assert not whole.holds(value), value
    choices = Parameter("x", choices=(1, 2.0, None, [3, 4]))
    for value in (1, 2.0, None, [3, 4]):
        assert choices.holds(value)
    for value in (True, 1.0, 2, "1", [3]):
        assert not choices.holds(value), value


@given(st.integers(0, 2**32 - 1))
def test_a_draw_is_a_point_of_the_space(seed: int) -> None:
    space = conditional_space()
    values = space.draw(stream(seed))
    assert space.holds(values)
    assert ("momentum" in values) == (values["optimizer"] != "adam")


def test_a_condition_moves_no_other_draw() -> None:
    """What an unread parameter would have used up of the random numbers, it uses up."""
    free = Space(tuple(Parameter(p.name, p.choices, p.low, p.high, p.log, p.integer) for p in conditional_space()))
    for seed in range(20):
        with_conditions, without = conditional_space().draw(stream(seed)), free.draw(stream(seed))
        assert with_conditions == {name: without[name] for name in with_conditions}


def test_no_absent_parent_reads_a_child() -> None:
    child = Parameter("child", choices=(1, 2), when={"parent": (None,)})
    assert child.is_read({"parent": None})
    assert not child.is_read({})


def test_more_or_less_than_what_is_read_is_no_point() -> None:
    space = conditional_space()
    assert space.holds({"optimizer": "adam", "units": 2})
    assert not space.holds({"optimizer": "adam", "units": 2, "momentum": 0.5})
    assert not space.holds({"optimizer": "sgd", "units": 2})
    assert not space.holds({"optimizer": "adam", "units": 5})


def test_the_grid_of_a_space_has_each_point_once() -> None:
    space = conditional_space()
    grid = space.grid()
    keys = [tuple(sorted(point.items())) for point in grid]
    assert len(set(keys)) == len(keys)
    assert all(space.holds(point) for point in grid)
    # adam: 3 units; nesterov: 3 momenta × 3; sgd: two momenta × 3, and the lowest with two dampenings × 3
    assert len(grid) == 3 + 9 + 6 + 6


def test_a_large_grid_is_not_counted_to_its_end() -> None:
    space = Space(tuple(Parameter(f"p{index}", choices=tuple(range(10))) for index in range(30)))
    assert 1000 < space.grid_size(1000) <= 10_000
    assert conditional_space().grid_size(1000) == len(conditional_space().grid())


def test_conditional_parameters_go_with_their_root() -> None:
    space = conditional_space()
    assert [space.root(name) for name in space.names] == ["optimizer", "optimizer", "optimizer", "units"]
    assert space.groups() == {"optimizer": ("optimizer", "momentum", "dampening"), "units": ("units",)}


def test_streams_differ_by_purpose_alone() -> None:
    draws = {purpose: stream(*purpose).random() for purpose in [(0,), (0, 0), (0, 1), (0, 1, 2), (0, 2, 1), (1, 1)]}
    assert len(set(draws.values())) >= len(draws) - 1  # a trailing 0 is no purpose of its own
    assert stream(5, 1).random() == stream(5, 1).random()


def test_shuffling_loses_nothing_and_moves_something() -> None:
    points = [{"x": number} for number in range(30)]
    mixed = shuffled(points, np.random.default_rng(0))
    assert sorted(point["x"] for point in mixed) == list(range(30))
    assert mixed != points


@st.composite
def stepped(draw: Any) -> Parameter:
    """A range with a step, whole or in hundredths, as a person writes them."""
    integer, count = draw(st.booleans()), draw(st.integers(1, 40))
    low, step = draw(st.integers(-500, 500)), draw(st.integers(1, 90))
    if integer:
        return Parameter("x", low=low, high=low + count * step, integer=True, step=step)
    return Parameter("x", low=low / 100, high=(low + count * step) / 100, step=step / 100)


@given(stepped(), SHARES)
def test_every_share_of_a_range_with_a_step_is_one_of_its_values_and_leads_back(x: Parameter, share: float) -> None:
    value = x.at(share)
    assert value in x.grid()
    assert x.holds(value)
    assert isinstance(value, int) == x.integer
    assert x.at(x.share(value)) == value
    assert x.nearest(value * (1 + 1e-12)) == value


@given(stepped())
def test_a_range_with_a_step_has_its_ends_and_whole_steps_alone(x: Parameter) -> None:
    grid = x.grid()
    assert (grid[0], grid[-1], len(grid)) == (x.low, x.high, x.count)
    assert np.diff(grid) == pytest.approx(x.step)
    assert not any(x.holds(value + x.step / 2) for value in grid)
    assert not x.holds(x.high + x.step)


def test_values_between_steps_are_those_that_a_person_would_write() -> None:
    assert Parameter("x", low=0.1, high=0.7, step=0.2).grid() == (0.1, 0.3, 0.5, 0.7)


def test_the_values_of_a_range_with_a_step_are_equally_likely() -> None:
    x = Parameter("x", low=8, high=64, integer=True, step=8)
    counts = Counter(x.at(share) for share in np.linspace(0, 1, 8000, endpoint=False))
    assert dict(counts) == {8 * n: 1000 for n in range(1, 9)}
    assert [x.share(8 * n) for n in range(1, 9)] == pytest.approx([(n - 0.5) / 8 for n in range(1, 9)])
