"""The validation metric of trials in training, as far as the driver has heard of it; for whoever watches a run."""

from collections.abc import Mapping, Sequence
from math import isfinite

from models.history import History

# Points that are kept of a trial; beyond that, every second one is dropped.
_MOST_POINTS = 200

Point = tuple[int, float]


class RunningCurves:
    """Points of the learning curves of the trials in training: the epoch and its validation metric."""

    def __init__(self) -> None:
        self._points: dict[str, list[Point]] = {}

    def add(self, key: str, epoch: int, value: float) -> None:
        """Note what a trial has reached; a trial that starts again forgets what it did before."""
        points = [point for point in self._points.get(key, ()) if point[0] < epoch]
        if isfinite(value):
            points.append((epoch, value))
        self._points[key] = points if len(points) <= _MOST_POINTS else points[::2]

    def forget(self, key: str) -> None:
        """Drop the curve of a trial that no longer trains."""
        self._points.pop(key, None)

    @property
    def points(self) -> Mapping[str, Sequence[Point]]:
        """The points by key."""
        return {key: tuple(points) for key, points in self._points.items()}


def last_value(history: History) -> float:
    """Return the validation metric of the last epoch; NaN if there is none."""
    return float(history.validation_metric[-1]) if history.validation_metric else float("nan")
