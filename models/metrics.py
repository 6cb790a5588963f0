"""Metrics by name; a user's metric has a name that says all that a table must know of it, "Label|unit|higher"."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.registry import METRICS, Metric

_DIRECTIONS = {"higher": True, "lower": False}


def user_metric(objective: Any) -> str:
    """Name the metric of a user's objective.

    The name is made of the attributes `metric_label` ("Metric"), `metric_unit` ("") and `higher_is_better` (True).
    """
    label = str(getattr(objective, "metric_label", "Metric")).replace("|", "/")
    unit = str(getattr(objective, "metric_unit", "")).replace("|", "/")
    return f"{label}|{unit}|{'higher' if getattr(objective, 'higher_is_better', True) else 'lower'}"


def metric_spec(name: str) -> Metric:
    """Look up a metric by its name in a record.

    Raises:
        KeyError: it is neither registered nor the name of a user's metric.
    """
    label, bar, rest = name.partition("|")
    if not bar:
        return METRICS[name]
    unit, _, direction = rest.rpartition("|")
    return Metric(label, unit, higher_is_better=_DIRECTIONS[direction])


class _MetricSpecs(Mapping[str, Metric]):
    """Every metric by its name; iterates over the registered ones only."""

    def __getitem__(self, name: str) -> Metric:
        return metric_spec(name)

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


METRIC_SPECS: Mapping[str, Metric] = _MetricSpecs()
