"""Which data a configuration trains on, and how it is prepared."""

from typing import Any, TypedDict

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.fields import plain_words


def data_id(config: TrialConfig) -> str:
    """Return the name of the data that a configuration reads, options included: "usps", "toy(xor)"."""
    options = ",".join(_option(name, value) for name, value in dataset_options(config).items())
    return f"{config.dataset}({options})" if options else config.dataset


def _option(name: str, value: Any) -> str:
    known = FIELDS[name].label.lower() if name in FIELDS else name.replace("_", " ")
    return str(value) if isinstance(value, str) else f"{known} {plain_words(value)}"


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


def data_slot(config: TrialConfig) -> str:
    """Return which prepared data a configuration trains on: dataset, options, split, transforms and scaling."""
    parts = (data_id(config), config.split_seed, validation_rows(config), *scaling_options(config).values())
    return "/".join(map(str, parts))
