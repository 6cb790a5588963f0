import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from race_problem import Stamp
from race_summary import Outcome, draw_race, outcome, overtaking, overtaking_lines, result_lines

LABELS = {"ours": "Ours", "ray": "Ray"}
STAMPS = st.lists(
    st.builds(
        Stamp,
        seconds=st.floats(0.5, 100),
        trial=st.sampled_from(["a", "b"]),
        epoch=st.integers(1, 20),
        accuracy=st.floats(0, 100),
    ),
    min_size=1,
).map(lambda stamps: sorted(stamps, key=lambda stamp: stamp.seconds))


def run(*points: tuple[float, float], seconds: float = 10.0) -> Outcome:
    """Return the outcome of one trial with an epoch at each (seconds, accuracy)."""
    return outcome([Stamp(when, "t", epoch, value) for epoch, (when, value) in enumerate(points, 1)], seconds)


def test_epochs_after_the_limit_do_not_count() -> None:
    late = run((1, 50.0), (11, 90.0))
    assert late.best(late.seconds) == 50.0
    assert late.reached(90.0) is None


def test_before_the_first_epoch_nothing_is_reached() -> None:
    assert run((4, 50.0)).best(3.9) == 0.0


@given(STAMPS, st.floats(0, 100), st.floats(0, 100))
def test_the_best_so_far_never_falls(stamps: list[Stamp], one: float, other: float) -> None:
    both = outcome(stamps, 100.0)
    assert both.best(min(one, other)) <= both.best(max(one, other))


@given(STAMPS)
def test_the_best_is_reached_when_it_is_first_the_best(stamps: list[Stamp]) -> None:
    own = outcome(stamps, 100.0)
    when = own.reached(own.best(100.0))
    assert when is not None
    assert own.best(when) == own.best(100.0)


@given(STAMPS)
def test_a_contender_overtakes_itself_in_all_of_its_own_time(stamps: list[Stamp]) -> None:
    own = outcome(stamps, 100.0)
    found = overtaking(own, own)
    assert found.seconds == own.reached(own.best(100.0))
    assert found.of_theirs == 1


def test_overtaking_is_a_share_of_the_limit_and_of_the_others_time() -> None:
    found = overtaking(run((2, 90.0)), run((1, 50.0), (8, 90.0)))
    assert (found.seconds, found.of_limit, found.of_theirs) == (2, 0.2, 0.25)


def test_there_is_nothing_to_overtake_where_no_epoch_was_finished() -> None:
    with pytest.raises(ValueError, match="finished no epoch"):
        overtaking(run((2, 90.0)), run())


def test_never_reaching_it_counts_in_the_median() -> None:
    outcomes = {"ours": [run((2, 90.0)), run((2, 10.0)), run((2, 10.0))], "ray": [run((8, 80.0))] * 3}
    text = "\n".join(overtaking_lines(outcomes, LABELS))
    assert "2.0 s, never, never" in text
    assert "20%, never, never of the time limit; median never" in text


def test_the_table_shows_each_share_of_the_time() -> None:
    outcomes = {"ours": [run((2, 60.0), (4, 80.0), (9, 90.0)), run((2, 62.0), (4, 80.0), (9, 90.0))]}
    line = result_lines(outcomes, LABELS)[-1]
    assert "61.00 ± 12.71" in line  # at 2.5 s: t(0.975; 1) · √2 / √2 = 12.71
    assert "80.00 ± 0.00" in line
    assert "90.00 ± 0.00" in line


def test_the_figure_draws_the_median_of_the_repetitions() -> None:
    ax = Figure().subplots()
    outcomes = {"ours": [run((5, 50.0)), run((5, 60.0)), run((5, 90.0))]}
    (line,) = draw_race(ax, outcomes, LABELS).lines
    heights = list(line.get_ydata())
    assert heights[0] == 0.0
    assert heights[-1] == 60.0
