"""Which data a configuration trains on, and how it is prepared."""

from dataclasses import astuple
from typing import Any

from data_utils.preparation import Preparation
from data_utils.splits import fold_size
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.fields import plain_words

# A training function of the user reads its data itself: nothing is known of them, and nothing is loaded.
TRAINERS_OWN = "trainer"


def data_id(config: TrialConfig) -> str:
    """Name the data that a configuration reads, options included: "usps", "toy(xor)"; or the function that reads it."""
    if config.trainer:
        return config.trainer
    options = ",".join(_option(name, value) for name, value in dataset_options(config).items())
    return f"{config.dataset}({options})" if options else config.dataset


def _option(name: str, value: Any) -> str:
    known = FIELDS[name].label.lower() if name in FIELDS else name.replace("_", " ")
    return str(value) if isinstance(value, str) else f"{known} {plain_words(value)}"


def dataset_options(config: TrialConfig) -> dict[str, Any]:
    """The options of the configured dataset, without those that are absent."""
    own = config.own_parameters("dataset")
    options = {name: getattr(config, name) for name in config.dataset_info.reads if name in FIELDS and name not in own}
    return own | {name: value for name, value in options.items() if value != FIELDS[name].neutral}


# The fields that say how inputs and targets are transformed and scaled.
SCALING_FIELDS = tuple(name for name, spec in FIELDS.items() if spec.prepares_data)


def preparation(config: TrialConfig) -> Preparation:
    """The split and the scaling of a configuration's data."""
    scaling = {name: getattr(config, name) for name in SCALING_FIELDS}
    return Preparation(
        split_seed=config.split_seed,
        validation_rows=validation_rows(config),
        folds=config.folds,
        fold=config.fold,
        **scaling,
    )


def validation_rows(config: TrialConfig) -> int:
    """The size of the validation part."""
    if config.folds:
        return fold_size(config.dataset_info.development_rows, config.folds, config.fold)
    return config.validation_rows or config.dataset_info.validation_rows


def data_slot(config: TrialConfig) -> str:
    """Name the prepared data that a configuration trains on: dataset, options, split, transforms and scaling."""
    if config.trainer:
        return TRAINERS_OWN
    *parts, folds, fold = astuple(preparation(config))
    return "/".join(map(str, (data_id(config), *parts, *([f"fold {fold} of {folds}"] if folds else []))))
