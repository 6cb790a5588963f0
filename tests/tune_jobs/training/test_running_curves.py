"""What is known of the curves of trials in training stays small, and follows trials that start again."""

from math import nan

from tune_jobs.training.running_curves import RunningCurves


def test_points_come_in_order_and_without_what_is_no_number() -> None:
    curves = RunningCurves()
    for epoch, value in ((1, 0.5), (2, nan), (4, 0.7)):
        curves.add("a", epoch, value)
    assert curves.points == {"a": ((1, 0.5), (4, 0.7))}


def test_a_trial_that_starts_again_forgets_what_it_did_after_that() -> None:
    curves = RunningCurves()
    for epoch in (1, 2, 3, 2):
        curves.add("a", epoch, epoch / 10)
    assert curves.points == {"a": ((1, 0.1), (2, 0.2))}
    curves.forget("a")
    curves.forget("a")
    assert curves.points == {}


def test_a_long_curve_keeps_its_shape_in_few_points() -> None:
    curves = RunningCurves()
    for epoch in range(1, 5001):
        curves.add("a", epoch, epoch)
    (points,) = curves.points.values()
    assert 100 <= len(points) <= 200
    assert points[0] == (1, 1)
    assert points[-1][0] > 4900
    assert list(points) == sorted(points)
