"""`TrialConfig`: everything that a training run depends on, as one frozen, validated value.

A field is declared here and nowhere else. Messages, table headings, axis labels, keys, and what stages and searches may
vary derive from the declaration. A field that only some networks, losses, … use also stands in the `reads` of those, in
`models.registry`. Loads without torch and Ray.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_utils.registry import DATASETS, TOY_PROBLEMS, DatasetInfo
from models import metrics
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
from tune_jobs.errors import ConfigError, unknown
from tune_jobs.trial.fields import FieldSpec, declare, specs

METRIC_SPECS: Mapping[str, Metric] = metrics.METRIC_SPECS
# A training function of the user reads its data itself.
NO_DATASET = DatasetInfo("", "", "", (), 0, 0, 0, 0, "", "", "")


def _labels(entries: Mapping[str, Entry] | Mapping[str, DatasetInfo]) -> dict[str, str]:
    return {name: entry.label for name, entry in entries.items()}


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One training run. Equal values train the same trajectory.

    Attributes:
        own: parameters of the user's components, as "network.width", and fingerprints of their code, as
            "code of network".
        info: description of a dataset that is not built in.

    Raises:
        ConfigError: a value of the wrong type, out of bounds, or an unknown name.
    """

    trainer: str = declare(
        "",
        str,
        label="Trainer",
        help="A training function of your own, module:function, in place of the network, the loss, … below.",
        references=True,
        neutral="",
        only_reference=True,
    )
    dataset: str = declare(
        "digits",
        str,
        label="Dataset",
        help="Data that the trial trains on.",
        choices=_labels(DATASETS),
        references=True,
        always=True,
        selects_rows=True,
    )
    # In the key of every trial of `toy`. Newer options of a dataset are declared in its registry line (`OptionSpec`).
    toy_problem: str = declare(
        "xor",
        str,
        label="Toy problem",
        help="Which two-dimensional problem the dataset `toy` generates.",
        choices={name: name for name in TOY_PROBLEMS},
        selects_rows=True,
        epoch_time="unaffected",
    )
    split_seed: int = declare(
        0,
        int,
        label="Split seed",
        help="Random seed of the split into training and validation rows.",
        at_least=0,
        always=True,
        selects_rows=True,
        epoch_time="unaffected",
    )
    validation_rows: int = declare(
        0,
        int,
        label="Validation rows",
        help="Size of the validation part; 0 means the dataset's default.",
        unit="rows",
        at_least=0,
        neutral=0,
        always=True,
        selects_rows=True,
    )
    folds: int = declare(
        0,
        int,
        label="Folds",
        help="Number of parts of a cross-validation, each of which validates once; 0 draws a validation part instead.",
        at_least=0,
        neutral=0,
        always=True,
        selects_rows=True,
        settable=False,
    )
    fold: int = declare(
        0,
        int,
        label="Fold",
        help="Number of the part that validates, of those that the split seed draws.",
        at_least=0,
        neutral=0,
        always=True,
        selects_rows=True,
        settable=False,
        epoch_time="unaffected",
    )
    outer_split: int = declare(
        0,
        int,
        label="Outer split",
        help="Number of the random test part, for datasets that come without one; 0 is the default.",
        at_least=0,
        neutral=0,
        selects_rows=True,
        epoch_time="unaffected",
    )
    input_scaling: str = declare(
        "standard",
        str,
        label="Input scaling",
        help="Scale inputs to mean 0 and standard deviation 1, or to 0 to 1, by the statistics of the training part.",
        choices={"standard": "Standardised", "unit": "0 to 1"},
        neutral="standard",
        always=True,
        prepares_data=True,
        epoch_time="unaffected",
    )
    input_transform: str = declare(
        "none",
        str,
        label="Input transform",
        help="Transform of the inputs before scaling; log1p is sign(x) log(1 + |x|), for tables of numbers.",
        choices={"none": "None", "log1p": "log(1 + |x|)"},
        neutral="none",
        always=True,
        prepares_data=True,
        only_for="tables",
    )
    target_transform: str = declare(
        "none",
        str,
        label="Target transform",
        help="Transform of regression targets before they are standardised. The loss is on the transformed scale;"
        " predictions and their errors are in the target's unit.",
        choices={"none": "None", "log": "Log"},
        neutral="none",
        always=True,
        prepares_data=True,
        changes_loss=True,
        only_for="regression",
    )
    shift: float = declare(
        0.0,
        float,
        label="Shift",
        help="Augmentation: largest random shift of each training image along each axis, drawn anew every epoch.",
        unit="pixels",
        at_least=0,
        at_most=1000,
        neutral=0.0,
        always=True,
    )
    rotation: float = declare(
        0.0,
        float,
        label="Rotation",
        help="Augmentation: largest random rotation of each training image, either way, drawn anew every epoch.",
        unit="degrees",
        at_least=0,
        at_most=180,
        neutral=0.0,
        always=True,
    )
    zoom: float = declare(
        0.0,
        float,
        label="Zoom",
        help="Augmentation: largest random zoom of each training image, in or out, drawn anew every epoch.",
        unit="%",
        at_least=0,
        below=100,
        neutral=0.0,
        always=True,
    )
    network: str = declare(
        "mlp",
        str,
        label="Network",
        help="Architecture of the network.",
        choices=_labels(NETWORKS),
        references=True,
        always=True,
    )
    hidden_layers: int = declare(
        1,
        int,
        label="Number of Layers",
        help="Number of hidden layers before the linear output layer.",
        at_least=1,
        at_most=1000,
    )
    hidden_units: int = declare(
        32,
        int,
        label="Hidden Layer Size",
        help="Units of each hidden layer, or channels of the first convolution.",
        at_least=1,
        at_most=100_000,
    )
    channel_growth: str = declare(
        "constant",
        str,
        label="Channel growth",
        help="Whether each convolution has as many channels as the previous one, or twice as many.",
        choices={"constant": "Constant", "doubling": "Doubling"},
    )
    kernel_size: int = declare(
        3,
        int,
        label="Kernel size",
        help="Side length of a convolution's kernel.",
        unit="pixels",
        at_least=1,
        at_most=1000,
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
        True,
        bool,
        label="Pooling",
        help="2x2 max-pooling after each convolution, as long as the image is at least 2x2.",
    )
    activation: str = declare(
        "relu",
        str,
        label="Activation Function",
        help="Activation function after each hidden layer.",
        choices=_labels(ACTIVATIONS),
    )
    dropout: float = declare(
        0.0,
        float,
        label="Dropout",
        help="Share of hidden units dropped during training.",
        at_least=0,
        below=1,
        neutral=0.0,
        epoch_time="presence",
    )
    batch_norm: bool = declare(
        False, bool, label="Batch norm", help="Batch normalisation before each activation.", neutral=False
    )
    objective: str = declare(
        "cross_entropy",
        str,
        label="Loss Function",
        help="Loss that training minimises; it also decides how outputs become predictions. A study that does not set"
        " it has cross_entropy for classes, and mse for regression.",
        choices=_labels(OBJECTIVES),
        references=True,
        always=True,
        changes_loss=True,
    )
    label_smoothing: float = declare(
        0.0,
        float,
        label="Label smoothing",
        help="Share of the target that is spread evenly over the classes.",
        at_least=0,
        below=1,
        neutral=0.0,
        changes_loss=True,
        epoch_time="presence",
    )
    variance_link: str = declare(
        "exp",
        str,
        label="Variance link",
        help="Function that makes the predicted variance of a Gaussian positive.",
        choices={"exp": "exp", "softplus": "softplus"},
        changes_loss=True,
    )
    optimizer: str = declare(
        "adam",
        str,
        label="Optimizer",
        help="Algorithm that updates the weights.",
        choices=_labels(OPTIMIZERS),
        references=True,
        always=True,
    )
    learning_rate: float = declare(
        0.001,
        float,
        label="Learning Rate",
        help="Step size of the optimizer.",
        above=0,
        always=True,
        epoch_time="unaffected",
    )
    momentum: float = declare(
        0.9,
        float,
        label="Momentum",
        help="Momentum of SGD with momentum and of Nesterov.",
        above=0,
        below=1,
        epoch_time="unaffected",
    )
    weight_decay: float = declare(
        0.0,
        float,
        label="Weight decay",
        help="L2 penalty on the weights; decoupled for AdamW.",
        at_least=0,
        neutral=0.0,
        always=True,
        epoch_time="presence",
    )
    schedule: str = declare(
        "constant",
        str,
        label="Schedule",
        help="How the learning rate changes during training.",
        choices=_labels(SCHEDULES),
        references=True,
        always=True,
        epoch_time="unaffected",
    )
    decay_every: int = declare(
        10,
        int,
        label="Decay every",
        help="Epochs between two steps of the step schedule.",
        unit="epochs",
        at_least=1,
        epoch_time="unaffected",
    )
    decay_factor: float = declare(
        0.1,
        float,
        label="Decay factor",
        help="Factor by which the step and plateau schedules multiply the learning rate.",
        above=0,
        below=1,
        epoch_time="unaffected",
    )
    plateau_patience: int = declare(
        5,
        int,
        label="Plateau patience",
        help="Epochs without a better validation loss before the plateau schedule lowers the learning rate.",
        unit="epochs",
        at_least=0,
        epoch_time="unaffected",
    )
    batch_size: int = declare(
        32,
        int,
        label="Batch Size",
        help="Samples per update of the weights.",
        unit="samples",
        at_least=1,
        always=True,
    )
    epochs: int = declare(
        10,
        int,
        label="Number of Epochs",
        help="Passes over the training part.",
        unit="epochs",
        at_least=1,
        at_most=100_000,
        searchable=False,
        epoch_time="unaffected",
    )
    early_stopping_patience: int = declare(
        0,
        int,
        label="Early stopping",
        help="Epochs without a better validation loss (of a trainer: without a better value of the metric that is"
        " compared) before training stops; 0 never stops early.",
        unit="epochs",
        at_least=0,
        searchable=False,
    )
    threads: int = declare(
        1,
        int,
        label="Threads",
        help="CPU threads of one trial.",
        at_least=1,
        at_most=256,
        neutral=1,
        always=True,
        searchable=False,
    )
    seed: int = declare(
        0,
        int,
        label="Seed",
        help="Random seed of weights, shuffling, dropout and augmentation.",
        at_least=0,
        at_most=2**32 - 1,
        always=True,
        settable=False,
        epoch_time="unaffected",
    )
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    info: DatasetInfo | None = dataclasses.field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, spec in FIELDS.items():
            if name != "dataset" or self.info is None:
                object.__setattr__(self, name, spec.check(name, getattr(self, name)))

    @property
    def dataset_info(self) -> DatasetInfo:
        """Description of the dataset, known without loading it."""
        if self.trainer:
            return NO_DATASET
        return DATASETS[self.dataset] if self.info is None else self.info

    @property
    def own_objective(self) -> bool:
        """Whether the loss is the user's code, so only that code can turn outputs into predictions."""
        return is_reference(self.objective)

    @property
    def predicts_gaussian(self) -> bool:
        """Whether the outputs stand for a Gaussian of the target, with a mean and a standard deviation."""
        return entry(OBJECTIVES, self.objective).distribution == GAUSSIAN

    def own_parameters(self, kind: str) -> dict[str, Any]:
        """The parameters of the user's "trainer", "network", "dataset", "objective", … by their names."""
        prefix = f"{kind}."
        return {name.removeprefix(prefix): value for name, value in self.own.items() if name.startswith(prefix)}

    def replace(self, **values: Any) -> "TrialConfig":
        """Copy the configuration with other values.

        Raises:
            ConfigError: an unknown field, or a value that the field cannot have.
        """
        # Only the new values are checked: `dataclasses.replace` would check all of them, for each replicate of a study.
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in FIELDS:
                raise ConfigError(name, unknown("field", name, FIELDS))
            unchecked = name == "dataset" and self.info is not None
            checked[name] = value if unchecked else FIELDS[name].check(name, value)
        copied = object.__new__(TrialConfig)
        copied.__dict__.update(self.__dict__, **checked)
        return copied


FIELDS: dict[str, FieldSpec] = specs(TrialConfig)
# By the dataset's task, where a study does not set it.
DEFAULT_OBJECTIVES: Mapping[str, str] = {"classification": TrialConfig.objective, "regression": "mse"}


def plain_config(config: TrialConfig) -> dict[str, Any]:
    """Convert a configuration to values that JSON can hold; `config_of` converts back."""
    values: dict[str, Any] = {name: getattr(config, name) for name in FIELDS if name != "trainer" or config.trainer}
    if config.own:
        values["own"] = dict(config.own)
    if config.info is not None:
        values["info"] = dataclasses.replace(config.info, found=(), taken=()).to_dict()
    return values


def config_of(values: Mapping[str, Any]) -> TrialConfig:
    """Rebuild the configuration from the values of `plain_config`."""
    given = dict(values)
    info = given.pop("info", None)
    return TrialConfig(**given, info=None if info is None else DatasetInfo.from_dict(info))
