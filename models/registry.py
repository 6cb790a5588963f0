"""The names that a configuration may use, with their labels and the code behind them.

To add an activation, an objective, an optimizer or a schedule, write it and add one line here; networks are
registered in `models.networks`. Names, labels and what is declared of them load without torch.

In place of a name, a configuration may have a reference to the user's code, "module:Name".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar

# The user's modules with these names are imported under another name.
PACKAGES = frozenset({"analysis", "data_utils", "models", "tune_jobs"})
# Distributions that outputs may stand for. Gaussian: outputs [n, 2] are the mean of the standardised target, and what
# `variance_link` maps to its variance.
GAUSSIAN = "gaussian"


@dataclass(frozen=True)
class Entry:
    """What is declared of a name.

    Attributes:
        label: what a person reads in tables and plots.
        reads: the configuration fields that change what the code does, beyond those that every trial reads.
        user_code: whether the name is a reference to the user's code.
    """

    label: str
    reads: tuple[str, ...] = field(default=(), kw_only=True)
    user_code: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class LazyEntry(Entry):
    """An entry whose code, `target` as "module:attribute", is imported when it is first used."""

    target: str

    def load(self) -> Any:
        """Import the object behind the name."""
        module, _, attribute = self.target.partition(":")
        found: Any = import_module(import_name(module) if self.user_code else module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found


@dataclass(frozen=True)
class Activation(LazyEntry):
    """An activation function; a monotone one commutes with max-pooling."""

    monotone: bool = False


@dataclass(frozen=True)
class ObjectiveEntry(LazyEntry):
    """An objective: the tasks that it is for, and the distribution that its outputs stand for (`GAUSSIAN`), if any."""

    tasks: tuple[str, ...]
    distribution: str | None = None


@dataclass(frozen=True)
class Metric:
    """How a result is scored: its label, its unit ("" where the data set gives it) and its direction."""

    label: str
    unit: str
    higher_is_better: bool


E = TypeVar("E", bound=Entry)


class Registry(Mapping[str, E], Generic[E]):
    """The entries of the registered names.

    Args:
        entries: by name.
        of_user_code: gives the entry that stands for a reference to the user's code.
    """

    def __init__(self, entries: Mapping[str, E], of_user_code: Callable[[str], E]) -> None:
        self._entries = dict(entries)
        self.of_user_code = of_user_code

    def __getitem__(self, name: str) -> E:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _lazy_user_code(reference: str) -> LazyEntry:
    return LazyEntry(short_name(reference), reference, user_code=True)


def _users_objective(reference: str) -> ObjectiveEntry:
    return ObjectiveEntry(short_name(reference), reference, ("classification", "regression"), user_code=True)


ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation("ReLU", "torch.nn:ReLU", monotone=True),
    "leaky_relu": Activation("Leaky ReLU", "torch.nn:LeakyReLU", monotone=True),
    "sigmoid": Activation("Sigmoid", "torch.nn:Sigmoid", monotone=True),
    "tanh": Activation("Tanh", "torch.nn:Tanh", monotone=True),
    "elu": Activation("ELU", "torch.nn:ELU", monotone=True),
    "selu": Activation("SELU", "torch.nn:SELU", monotone=True),
    "softplus": Activation("Softplus", "torch.nn:Softplus", monotone=True),
    "gelu": Activation("GELU", "torch.nn:GELU"),
    "silu": Activation("SiLU", "torch.nn:SiLU"),
    "mish": Activation("Mish", "torch.nn:Mish"),
}

OBJECTIVES = Registry(
    {
        "cross_entropy": ObjectiveEntry(
            "Cross-Entropy", "models.losses:cross_entropy", ("classification",), reads=("label_smoothing",)
        ),
        "mse": ObjectiveEntry("MSE", "models.losses:mse", ("classification", "regression")),
        "mse_softmax": ObjectiveEntry("MSE of softmax", "models.losses:mse_softmax", ("classification",)),
        "bce_with_logits": ObjectiveEntry("BCE with logits", "models.losses:bce_with_logits", ("classification",)),
        "gaussian_nll": ObjectiveEntry(
            "Gaussian NLL", "models.losses:gaussian_nll", ("regression",), GAUSSIAN, reads=("variance_link",)
        ),
    },
    _users_objective,
)

OPTIMIZERS = Registry(
    {
        "sgd": LazyEntry("SGD", "models.optimizers:sgd"),
        "momentum": LazyEntry("SGD with momentum", "models.optimizers:momentum", reads=("momentum",)),
        "nesterov": LazyEntry("Nesterov", "models.optimizers:nesterov", reads=("momentum",)),
        "adam": LazyEntry("Adam", "models.optimizers:adam"),
        "adamw": LazyEntry("AdamW", "models.optimizers:adamw"),
        "rmsprop": LazyEntry("RMSprop", "models.optimizers:rmsprop"),
    },
    _lazy_user_code,
)

SCHEDULES = Registry(
    {
        "constant": LazyEntry("Constant", "models.schedules:constant"),
        "step": LazyEntry("Step decay", "models.schedules:step", reads=("decay_every", "decay_factor")),
        "plateau": LazyEntry(
            "Reduce on plateau", "models.schedules:plateau", reads=("plateau_patience", "decay_factor")
        ),
        "cosine": LazyEntry("Cosine", "models.schedules:cosine", reads=("epochs",)),
        "one_cycle": LazyEntry("One-cycle", "models.schedules:one_cycle", reads=("epochs",)),
    },
    _lazy_user_code,
)

METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("Accuracy", "%", higher_is_better=True),
    "rmse": Metric("RMSE", "", higher_is_better=False),
}


def entry(registry: Registry[E], name: str) -> E:
    """Look up a registered name, or a reference to the user's code, ``module:Name``."""
    return registry.of_user_code(name) if is_reference(name) else registry[name]


def objectives_that_predict(distribution: str) -> list[str]:
    """Name the registered objectives whose outputs stand for a distribution."""
    return [name for name, objective in OBJECTIVES.items() if objective.distribution == distribution]


def is_reference(name: str) -> bool:
    """Tell a reference to the user's code, ``module:Name``, from a registered name."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def short_name(reference: str) -> str:
    """Return ``Name`` of the reference ``module:Name``."""
    return reference.rpartition(":")[2]


def import_name(module: str) -> str:
    """Return the name that a user's module is imported under: its name, unless a package here has it."""
    return f"own_{module}" if module.partition(".")[0] in PACKAGES else module


def metric_name(task: str) -> str:
    """Return the name in `METRICS` that a task is scored by."""
    return {"classification": "accuracy", "regression": "rmse"}[task]
