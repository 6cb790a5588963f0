"""The metrics that a study declares for a training function: what each means, and by which trials are compared.

A record names its metrics with their label, unit and direction, so that whoever reads it needs no study.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

from models.registry import Metric
from tune_jobs.errors import ConfigError, shown, unknown

GOALS: Mapping[str, bool] = {"max": True, "min": False}
# Names of metrics that are curves of every record too: figures of losses, `select: loss` and the time per epoch read
# them.
TRAIN_LOSS, VALIDATION_LOSS, LEARNING_RATE, SECONDS = "train_loss", "validation_loss", "learning_rate", "seconds"
CURVE_NAMES = (TRAIN_LOSS, VALIDATION_LOSS, LEARNING_RATE)
# Columns of tables of trials have these names.
_TAKEN = frozenset(
    {
        *("alone_seconds", "code_version", "dataset", "device", "elsewhere", "epoch", "epochs_done", "epochs_until"),
        *("fair_metric", "host"),
        *("is_default", "key", "level", "machine_kind", "metric", "one_class", "outcome", "position", "reason"),
        *("reported", "seed", "table", "target_unit", "train_metric", "train_seconds", "validation_metric"),
    }
)
_PARTS = ("validation", "val", "valid")


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric that a training function reports.

    Attributes:
        name: that it is reported by.
        label: what a person reads in tables.
        unit: "" for none.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool

    def __str__(self) -> str:
        """The metric as a record keeps it; `declared_metric` reads it."""
        return "|".join((self.name, _plain(self.label), _plain(self.unit), self._direction))

    @property
    def compared_name(self) -> str:
        """Its name as the metric that a record is compared by, which `models.metrics.metric_spec` reads.

        Tables and figures say themselves that it is of the validation part.
        """
        part, blank, rest = self.label.partition(" ")
        label = rest[:1].upper() + rest[1:] if blank and part.lower() in _PARTS else self.label
        return "|".join((_plain(label), _plain(self.unit), self._direction))

    @property
    def spec(self) -> Metric:
        """Label, unit and direction."""
        return Metric(self.label, self.unit, higher_is_better=self.higher_is_better)

    @property
    def train_name(self) -> str:
        """What the metric of the training part is called beside it: `train_accuracy` beside `validation_accuracy`."""
        part, line, rest = self.name.partition("_")
        return f"train_{rest}" if line and part in _PARTS else ""

    @property
    def test_name(self) -> str:
        """What the metric of the test part is called beside it: `test_accuracy` beside `validation_accuracy`."""
        train = self.train_name
        return f"test_{train.removeprefix('train_')}" if train else f"test_{self.name}"

    @property
    def _direction(self) -> str:
        return "higher" if self.higher_is_better else "lower"


def declared_metric(text: str) -> DeclaredMetric:
    """Read what `str` of a metric wrote."""
    name, label, unit, direction = text.split("|")
    return DeclaredMetric(name, label, unit, direction == "higher")


def _plain(text: str) -> str:
    return text.replace("|", "/")


def default_label(name: str) -> str:
    """Name a metric in tables: "Validation Accuracy" for `validation_accuracy`."""
    return " ".join(word if word.isupper() else word.capitalize() for word in name.split("_") if word)


def name_problem(name: str) -> str:
    """Say why a metric cannot have a name; "" if it can."""
    if not name.isidentifier():
        return f"{shown(name)} is not a name of letters, digits and _; the training function reports it by this name"
    if name in _TAKEN:
        return f"{name} is a column of every table of trials; give another name"
    return ""


@dataclass(frozen=True)
class Metrics:
    """The metrics that a study declares.

    Attributes:
        declared: in order.
        compared: the name of the one that tables compare, stages choose by and rungs judge.
    """

    declared: tuple[DeclaredMetric, ...]
    compared: str

    def __iter__(self) -> Iterator[DeclaredMetric]:
        return iter(self.declared)

    def __getitem__(self, name: str) -> DeclaredMetric:
        return next(metric for metric in self.declared if metric.name == name)

    def __contains__(self, name: object) -> bool:
        return any(metric.name == name for metric in self.declared)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all, in order."""
        return tuple(metric.name for metric in self.declared)

    def curves(self, reported: Mapping[str, Sequence[float]], epochs: int) -> dict[str, tuple[float, ...]]:
        """The curves that every record has, from what was reported; NaN where nothing of the kind was.

        Args:
            reported: a value per epoch of each declared metric.
            epochs: how many.
        """
        unknown = (nan,) * epochs
        return {
            **{name: tuple(reported.get(name, unknown)) for name in CURVE_NAMES},
            "train_metric": tuple(reported.get(self.by.train_name, unknown)),
            "validation_metric": tuple(reported[self.compared]),
        }

    @property
    def by(self) -> DeclaredMetric:
        """The metric that is compared."""
        return self[self.compared]


def metrics_of(declared: Mapping[str, DeclaredMetric], compared: str) -> Metrics:
    """Check which of the declared metrics is compared.

    Raises:
        ConfigError: another than the declared is, or two look alike in tables.
    """
    if compared not in declared:
        raise ConfigError("metric", unknown("metric", compared, declared))
    names: dict[str, str] = {}
    for name, metric in declared.items():
        if metric.compared_name in names:
            raise ConfigError("metrics", f"{names[metric.compared_name]} and {name} have one label; give each its own")
        names[metric.compared_name] = name
    return Metrics(tuple(declared.values()), compared)
