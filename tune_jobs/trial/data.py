"""Which data a configuration trains on, and how it is prepared."""

from typing import Any

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.fields import plain_words


def data_id(config: TrialConfig) -> str:
    """Name the data that a configuration reads, options included: "usps", "toy(xor)"."""
    options = ",".join(_option(name, value) for name, value in dataset_options(config).items())
    return f"{config.dataset}({options})" if options else config.dataset


def _option(name: str, value: Any) -> str:
    known = FIELDS[name].label.lower() if name in FIELDS else name.replace("_", " ")
    return str(value) if isinstance(value, str) else f"{known} {plain_words(value)}"


def dataset_options(config: TrialConfig) -> dict[str, Any]:
    """The options of the configured dataset, without those that are absent."""
    options = {name: getattr(config, name) for name in config.dataset_info.reads if name in FIELDS}
    given = {name: value for name, value in options.items() if value != FIELDS[name].neutral}
    return {**config.own_parameters("dataset"), **given}


def scaling_options(config: TrialConfig) -> dict[str, Any]:
    """How inputs and targets are transformed and scaled: keyword arguments of `data_utils.load_trial_data`."""
    return {name: getattr(config, name) for name, spec in FIELDS.items() if spec.prepares_data}


def validation_rows(config: TrialConfig) -> int:
    """The size of the validation part."""
    return config.validation_rows or config.dataset_info.validation_rows


def data_slot(config: TrialConfig) -> str:
    """Name the prepared data that a configuration trains on: dataset, options, split, transforms and scaling."""
    parts = (data_id(config), config.split_seed, validation_rows(config), *scaling_options(config).values())
    return "/".join(map(str, parts))
