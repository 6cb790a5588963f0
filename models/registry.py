"""The names that a configuration may use, with their labels and the code they stand for.

The references are lazy ("module:attribute"), so that names and labels load without torch. Adding a
network, an activation, an objective, an optimizer or a schedule takes its function and one line here.

In place of a name, a configuration may have a reference to code of the user's own, "module:Name".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

# Modules of the user's that are called like these are imported under another name.
PACKAGES = frozenset({"analysis", "data_utils", "models", "tune_jobs"})


@dataclass(frozen=True)
class Entry:
    """One name of a registry.

    Attributes:
        label: what a person reads in tables and plots.
        target: where the code is, as "module:attribute".
        reads: the configuration fields that change what the code does, beyond those every trial has.
        tasks: the tasks that an objective can be used for; empty for everything else.
        own: whether the code is the user's own.
    """

    label: str
    target: str
    reads: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    own: bool = False

    def load(self) -> Any:
        """Import and return the object behind the name."""
        module, _, attribute = self.target.partition(":")
        found: Any = import_module(import_name(module) if self.own else module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found


@dataclass(frozen=True)
class Activation(Entry):
    """An activation function; a monotone one commutes with max-pooling."""

    monotone: bool = False


@dataclass(frozen=True)
class Metric:
    """How a result is scored: its label, its unit ("" where the data set gives it) and its direction."""

    label: str
    unit: str
    higher_is_better: bool


_LAYERS = ("hidden_layers", "hidden_units", "activation", "dropout", "batch_norm")

NETWORKS: Mapping[str, Entry] = {
    "linear": Entry("Linear", "models.networks:linear"),
    "mlp": Entry("MLP", "models.networks:mlp", _LAYERS),
    "cnn": Entry("CNN", "models.networks:cnn", (*_LAYERS, "channel_growth", "kernel_size", "padding", "pooling")),
}

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

OBJECTIVES: Mapping[str, Entry] = {
    "cross_entropy": Entry(
        "Cross-Entropy", "models.objectives:cross_entropy", ("label_smoothing",), ("classification",)
    ),
    "mse": Entry("MSE", "models.objectives:mse", (), ("classification", "regression")),
    "mse_softmax": Entry("MSE of softmax", "models.objectives:mse_softmax", (), ("classification",)),
    "bce_with_logits": Entry("BCE with logits", "models.objectives:bce_with_logits", (), ("classification",)),
    "gaussian_nll": Entry("Gaussian NLL", "models.objectives:gaussian_nll", ("variance_link",), ("regression",)),
}

OPTIMIZERS: Mapping[str, Entry] = {
    "sgd": Entry("SGD", "models.optimizers:sgd"),
    "momentum": Entry("SGD with momentum", "models.optimizers:momentum", ("momentum",)),
    "nesterov": Entry("Nesterov", "models.optimizers:nesterov", ("momentum",)),
    "adam": Entry("Adam", "models.optimizers:adam"),
    "adamw": Entry("AdamW", "models.optimizers:adamw"),
    "rmsprop": Entry("RMSprop", "models.optimizers:rmsprop"),
}

SCHEDULES: Mapping[str, Entry] = {
    "constant": Entry("Constant", "models.schedules:constant"),
    "step": Entry("Step decay", "models.schedules:step", ("decay_every", "decay_factor")),
    "plateau": Entry("Reduce on plateau", "models.schedules:plateau", ("plateau_patience", "decay_factor")),
    "cosine": Entry("Cosine", "models.schedules:cosine", ("epochs",)),
    "one_cycle": Entry("One-cycle", "models.schedules:one_cycle", ("epochs",)),
}

METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("Accuracy", "%", higher_is_better=True),
    "rmse": Metric("RMSE", "", higher_is_better=False),
}


def entry(registry: Mapping[str, Entry], name: str) -> Entry:
    """Return the entry of a registered name, or one that stands for the user's own ``module:Name``."""
    if is_reference(name):
        return Entry(name.rpartition(":")[2], name, tasks=("classification", "regression"), own=True)
    return registry[name]


def is_reference(name: str) -> bool:
    """Return whether a name refers to code of the user's own, as ``module:Name``."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def import_name(module: str) -> str:
    """Return what a module of the user's is imported as: its own name, unless a package here has it."""
    return f"own_{module}" if module.partition(".")[0] in PACKAGES else module


def metric_name(task: str) -> str:
    """Return the name in `METRICS` that a task is scored by."""
    return {"classification": "accuracy", "regression": "rmse"}[task]
