"""`TrialConfig`: everything that a training run depends on, as one frozen, validated value.

A field's type, bounds, label, unit and help are declared here and nowhere else: command-line messages,
table headings, axis labels and checks derive from them. Loads without torch and Ray.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from data_utils.registry import DATASETS, TOY_PROBLEMS, DatasetInfo
from models import metrics
from models.errors import ModelError
from models.network_check import check_network
from models.networks import NETWORKS
from models.registry import (
    ACTIVATIONS,
    GAUSSIAN,
    OBJECTIVES,
    OPTIMIZERS,
    SCHEDULES,
    Entry,
    Metric,
    entry,
    is_reference,
)
from models.version import ENGINE_VERSION
from tune_jobs.errors import ConfigError, unknown
from tune_jobs.trial.fields import FieldSpec, declare, specs

KEY_LENGTH = 20
# Beside the parameters of the user's own components, whose names have a dot and no blank.
_CODE_OF = "code of "
COUNTS_EPOCHS = "schedule counts epochs"
METRIC_SPECS: Mapping[str, Metric] = metrics.METRIC_SPECS


def _labels(entries: Mapping[str, Entry] | Mapping[str, DatasetInfo]) -> dict[str, str]:
    return {name: entry.label for name, entry in entries.items()}


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One training run. Equal values train the same trajectory.

    Beside its fields it has `own`: the parameters of the user's own components, as "network.width", and the
    fingerprints of their code, as "code of network"; and `info`: what is known of a dataset that is not registered.

    Raises:
        ConfigError: a value of the wrong type, out of bounds, or an unknown name.
    """

    dataset: str = declare(
        "digits", str, label="Dataset", help="What is trained on.", choices=_labels(DATASETS), references=True
    )
    toy_problem: str = declare(
        "xor",
        str,
        label="Toy problem",
        help="Which two-dimensional problem the dataset `toy` generates.",
        choices={name: name for name in TOY_PROBLEMS},
    )
    split_seed: int = declare(
        0, int, label="Split seed", help="Draws the line between training and validation.", at_least=0
    )
    validation_rows: int = declare(
        0,
        int,
        label="Validation rows",
        help="Size of the validation part; 0 takes the dataset's own.",
        unit="rows",
        at_least=0,
        neutral=0,
    )
    outer_split: int = declare(
        0,
        int,
        label="Outer split",
        help="Draws the sealed test part of a dataset that has none of its own; 0 is the usual one.",
        at_least=0,
        neutral=0,
    )
    input_scaling: str = declare(
        "standard",
        str,
        label="Input scaling",
        help="Inputs with mean 0 and deviation 1, or in the range from 0 to 1, as the training part has it.",
        choices={"standard": "Standardised", "unit": "0 to 1"},
        neutral="standard",
    )
    input_transform: str = declare(
        "none",
        str,
        label="Input transform",
        help="What inputs pass through before they are scaled; log1p is sign(x) log(1 + |x|), for tables of numbers.",
        choices={"none": "None", "log1p": "log(1 + |x|)"},
        neutral="none",
    )
    target_transform: str = declare(
        "none",
        str,
        label="Target transform",
        help="What regression targets pass through before they are standardised; the loss is on that scale, predictions"
        " and their errors are in the target's unit.",
        choices={"none": "None", "log": "Log"},
        neutral="none",
    )
    shift: float = declare(
        0.0,
        float,
        label="Shift",
        help="Augmentation: in every epoch each training image is shifted by up to so much along each axis.",
        unit="pixels",
        at_least=0,
        at_most=1000,
        neutral=0.0,
    )
    rotation: float = declare(
        0.0,
        float,
        label="Rotation",
        help="Augmentation: in every epoch each training image is rotated by up to so much to either side.",
        unit="degrees",
        at_least=0,
        at_most=180,
        neutral=0.0,
    )
    zoom: float = declare(
        0.0,
        float,
        label="Zoom",
        help="Augmentation: in every epoch each training image is enlarged or shrunk by up to so much.",
        unit="%",
        at_least=0,
        below=100,
        neutral=0.0,
    )
    network: str = declare(
        "mlp", str, label="Network", help="The kind of network.", choices=_labels(NETWORKS), references=True
    )
    hidden_layers: int = declare(
        1,
        int,
        label="Number of Layers",
        help="Hidden layers, before the linear output layer.",
        at_least=1,
        at_most=1000,
    )
    hidden_units: int = declare(
        32,
        int,
        label="Hidden Layer Size",
        help="Units of each hidden layer, or channels of a convolution.",
        at_least=1,
        at_most=100_000,
    )
    channel_growth: str = declare(
        "constant",
        str,
        label="Channel growth",
        help="Whether each convolution has as many channels as the one before, or twice as many.",
        choices={"constant": "Constant", "doubling": "Doubling"},
    )
    kernel_size: int = declare(
        3, int, label="Kernel size", help="Side of a convolution's kernel.", unit="pixels", at_least=1, at_most=1000
    )
    padding: int | str = declare(
        "same",
        int,
        label="Padding",
        help="Zeros around the image before a convolution; `same` keeps its size.",
        unit="pixels",
        at_least=0,
        at_most=1000,
        also=("same",),
    )
    pooling: bool = declare(
        True, bool, label="Pooling", help="2x2 max-pooling after each convolution, while the image lasts."
    )
    activation: str = declare(
        "relu",
        str,
        label="Activation Function",
        help="What follows each hidden layer.",
        choices=_labels(ACTIVATIONS),
    )
    dropout: float = declare(
        0.0,
        float,
        label="Dropout",
        help="Share of hidden units dropped in training.",
        at_least=0,
        below=1,
        neutral=0.0,
    )
    batch_norm: bool = declare(
        False, bool, label="Batch norm", help="Batch normalisation before each activation.", neutral=False
    )
    objective: str = declare(
        "cross_entropy",
        str,
        label="Loss Function",
        help="What is minimised, and how outputs are read.",
        choices=_labels(OBJECTIVES),
        references=True,
    )
    label_smoothing: float = declare(
        0.0,
        float,
        label="Label smoothing",
        help="Share of the target spread evenly over the classes.",
        at_least=0,
        below=1,
        neutral=0.0,
    )
    variance_link: str = declare(
        "exp",
        str,
        label="Variance link",
        help="How a Gaussian's variance is made positive.",
        choices={"exp": "exp", "softplus": "softplus"},
    )
    optimizer: str = declare(
        "adam",
        str,
        label="Optimizer",
        help="How the weights are updated.",
        choices=_labels(OPTIMIZERS),
        references=True,
    )
    learning_rate: float = declare(0.001, float, label="Learning Rate", help="Step size of the optimizer.", above=0)
    momentum: float = declare(
        0.9, float, label="Momentum", help="Of SGD with momentum and of Nesterov.", above=0, below=1
    )
    weight_decay: float = declare(
        0.0,
        float,
        label="Weight decay",
        help="L2 penalty on the weights; decoupled with AdamW.",
        at_least=0,
        neutral=0.0,
    )
    schedule: str = declare(
        "constant",
        str,
        label="Schedule",
        help="How the learning rate changes over time.",
        choices=_labels(SCHEDULES),
        references=True,
    )
    decay_every: int = declare(
        10, int, label="Decay every", help="Period of the step schedule.", unit="epochs", at_least=1
    )
    decay_factor: float = declare(
        0.1,
        float,
        label="Decay factor",
        help="What step and plateau multiply the learning rate by.",
        above=0,
        below=1,
    )
    plateau_patience: int = declare(
        5,
        int,
        label="Plateau patience",
        help="Epochs without a better validation loss that the plateau schedule waits for.",
        unit="epochs",
        at_least=0,
    )
    batch_size: int = declare(
        32, int, label="Batch Size", help="Samples per update of the weights.", unit="samples", at_least=1
    )
    epochs: int = declare(
        10,
        int,
        label="Number of Epochs",
        help="Passes over the training part.",
        unit="epochs",
        at_least=1,
        at_most=100_000,
    )
    early_stopping_patience: int = declare(
        0,
        int,
        label="Early stopping",
        help="Epochs without a better validation loss after which to stop; 0 never stops early.",
        unit="epochs",
        at_least=0,
    )
    threads: int = declare(
        1,
        int,
        label="Threads",
        help="CPU threads that one trial computes with.",
        at_least=1,
        at_most=256,
        neutral=1,
    )
    seed: int = declare(
        0, int, label="Seed", help="Draws weights, shuffling, dropout and augmentation.", at_least=0, at_most=2**32 - 1
    )
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    info: DatasetInfo | None = dataclasses.field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, spec in FIELDS.items():
            if name != "dataset" or self.info is None:
                object.__setattr__(self, name, spec.check(name, getattr(self, name)))

    @property
    def dataset_info(self) -> DatasetInfo:
        """What is known of the dataset without loading it."""
        return DATASETS[self.dataset] if self.info is None else self.info

    @property
    def own_objective(self) -> bool:
        """Whether the loss is the user's own, so that only their code can read outputs."""
        return is_reference(self.objective)

    @property
    def predicts_gaussian(self) -> bool:
        """Whether the outputs stand for a Gaussian of the target, with a mean and a standard deviation."""
        return entry(OBJECTIVES, self.objective).distribution == GAUSSIAN

    def own_parameters(self, kind: str) -> dict[str, Any]:
        """Return the parameters of the user's own "network", "dataset", "objective", "optimizer" or "schedule"."""
        prefix = f"{kind}."
        return {name.removeprefix(prefix): value for name, value in self.own.items() if name.startswith(prefix)}

    def replace(self, **values: Any) -> "TrialConfig":
        """Return the configuration with other values.

        Raises:
            ConfigError: an unknown field, or a value that it cannot have.
        """
        for name in values:
            if name not in FIELDS:
                raise ConfigError(name, unknown("field", name, FIELDS))
        return dataclasses.replace(self, **values)


FIELDS: dict[str, FieldSpec] = specs(TrialConfig)


def plain_config(config: TrialConfig) -> dict[str, Any]:
    """Return a configuration as values that JSON can hold; see `config_of`."""
    values: dict[str, Any] = {name: getattr(config, name) for name in FIELDS}
    if config.own:
        values["own"] = dict(config.own)
    if config.info is not None:
        values["info"] = dataclasses.replace(config.info, found=()).to_dict()
    return values


def config_of(values: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration that `plain_config` described."""
    given = dict(values)
    info = given.pop("info", None)
    return TrialConfig(**given, info=None if info is None else DatasetInfo.from_dict(info))


# What every trajectory depends on; the rest only where a network, a loss, … reads it.
_ALWAYS = (
    "dataset",
    "split_seed",
    "validation_rows",
    "input_scaling",
    "input_transform",
    "target_transform",
    "shift",
    "rotation",
    "zoom",
    "network",
    "objective",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "batch_size",
    "threads",
    "seed",
)


def trajectory(config: TrialConfig) -> dict[str, Any]:
    """Return the fields, in a fixed order, that decide the numbers of the configuration's epochs.

    The parameters and the code of the user's own components follow, as "network.width" and "code of network".
    Fields that nothing reads (a kernel size without convolutions, a momentum without momentum) are left
    out, and so is `epochs` unless the schedule depends on the total: then n epochs begin every longer run.
    """
    read = {
        *_ALWAYS,
        *config.dataset_info.reads,
        *entry(NETWORKS, config.network).reads,
        *entry(OBJECTIVES, config.objective).reads,
        *entry(OPTIMIZERS, config.optimizer).reads,
        *entry(SCHEDULES, config.schedule).reads,
        *(("epochs",) if counts_epochs(config) else ()),
    }
    values = {name: getattr(config, name) for name in FIELDS if name in read}
    if "validation_rows" in values and values["validation_rows"] == config.dataset_info.validation_rows:
        values["validation_rows"] = 0
    built_in = {name: value for name, value in values.items() if value != FIELDS[name].neutral}
    return {**built_in, **dict(sorted(config.own.items()))}


def counts_epochs(config: TrialConfig) -> bool:
    """Return whether a schedule depends on the total of epochs, so that fewer do not begin more."""
    return "epochs" in entry(SCHEDULES, config.schedule).reads or COUNTS_EPOCHS in config.own


def is_code(name: str) -> bool:
    """Return whether an entry of a trajectory is about the user's code, and is no parameter of it."""
    return name.startswith(_CODE_OF) or name == COUNTS_EPOCHS


def code_name(kind: str) -> str:
    """Return the name under which a trajectory has the fingerprint of a component's code."""
    return _CODE_OF + kind


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the key of the trajectory: a hash of its fields, the data's fingerprint and the engine version."""
    content = {"trajectory": trajectory(config), "data": fingerprint, "engine": ENGINE_VERSION}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]


def dataset_options(config: TrialConfig) -> dict[str, Any]:
    """Return the options that the configured dataset takes, without those that are absent."""
    options = {name: getattr(config, name) for name in config.dataset_info.reads if name in FIELDS}
    given = {name: value for name, value in options.items() if value != FIELDS[name].neutral}
    return {**config.own_parameters("dataset"), **given}


class ScalingOptions(TypedDict):
    """How inputs and targets are transformed and scaled, as `data_utils.load_trial_data` takes it."""

    input_scaling: str
    input_transform: str
    target_transform: str


def scaling_options(config: TrialConfig) -> ScalingOptions:
    """Return how a configuration's inputs and targets are transformed and scaled."""
    return ScalingOptions(
        input_scaling=config.input_scaling,
        input_transform=config.input_transform,
        target_transform=config.target_transform,
    )


def validation_rows(config: TrialConfig) -> int:
    """Return the size of the validation part."""
    return config.validation_rows or config.dataset_info.validation_rows


def check_feasible(config: TrialConfig) -> None:
    """Raise where the fields do not fit each other or the dataset; nothing is loaded or built.

    Raises:
        ConfigError: a loss for another task, a batch larger than the training part, layers that the image
            is too small for, augmentation of what is no image, a transform of what it is not for.
    """
    info = config.dataset_info
    if info.task not in entry(OBJECTIVES, config.objective).tasks:
        fitting = [name for name, known in OBJECTIVES.items() if info.task in known.tasks]
        raise ConfigError(
            "objective",
            f"{config.objective} is not for {info.task}, which {config.dataset} is; use {', '.join(fitting)}",
        )
    if config.target_transform != "none" and info.task != "regression":
        raise ConfigError(
            "target_transform",
            f"{config.target_transform} is for regression, and {config.dataset} has classes; use none",
        )
    if config.input_transform != "none" and len(info.input_shape) == 3:
        raise ConfigError(
            "input_transform",
            f"{config.input_transform} is for tables of numbers, and {config.dataset} has images; use none",
        )
    train_rows = info.development_rows - validation_rows(config)
    if train_rows < 1:
        raise ConfigError(
            "validation_rows",
            f"{validation_rows(config)} leaves no training rows of the {info.development_rows} in "
            f"{config.dataset}; give fewer",
        )
    if config.batch_size > train_rows:
        raise ConfigError(
            "batch_size",
            f"{config.batch_size} is more than the {train_rows} training rows of {config.dataset}; give at most that",
        )
    try:
        check_network(config, info.input_shape)
    except ModelError as error:
        name, _, problem = str(error).partition(": ")
        raise ConfigError(name, problem) from error
