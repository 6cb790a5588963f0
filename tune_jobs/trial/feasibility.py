"""Whether a configuration can be trained at all, before anything is loaded or built."""

from data_utils.registry import DatasetInfo
from models.errors import ModelError
from models.network_check import check_network
from models.registry import OBJECTIVES, entry
from tune_jobs.errors import ConfigError
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.data import validation_rows


def check_feasible(config: TrialConfig) -> None:
    """Check that the fields fit each other and the dataset; nothing is loaded or built.

    Raises:
        ConfigError: a loss for another task, a field for other data, a batch larger than the training part, layers
            that the image is too small for, or augmentation of inputs that are not images.
    """
    if config.trainer:  # what fits is known to the user's function alone
        return
    info = config.dataset_info
    if info.task not in entry(OBJECTIVES, config.objective).tasks:
        fitting = [name for name, known in OBJECTIVES.items() if info.task in known.tasks]
        raise ConfigError(
            "objective",
            f"{config.objective} is not for {info.task}, the task of {config.dataset}; use {', '.join(fitting)}",
        )
    _check_data(config, info)
    _check_rows(config, info)
    try:
        check_network(config, info.input_shape)
    except ModelError as error:
        name, _, problem = str(error).partition(": ")
        raise ConfigError(name, problem) from error


def _check_data(config: TrialConfig, info: DatasetInfo) -> None:
    """Raise for a field that is set and is for other data, as its declaration says."""
    images = len(info.input_shape) == 3
    for name, spec in FIELDS.items():
        value = getattr(config, name)
        if value == spec.neutral:
            continue
        if spec.only_for == "regression" and info.task != "regression":
            raise ConfigError(name, f"{value} is for regression, and {config.dataset} has classes; use {spec.neutral}")
        if spec.only_for == "tables" and images:
            raise ConfigError(
                name, f"{value} is for tables of numbers, and {config.dataset} has images; use {spec.neutral}"
            )


def _check_rows(config: TrialConfig, info: DatasetInfo) -> None:
    if config.folds and not 2 <= config.folds <= info.development_rows:
        raise ConfigError(
            "folds",
            f"{config.folds} is not in 2 to {info.development_rows}, the rows of {config.dataset}; give such a number",
        )
    if config.folds and config.validation_rows:
        raise ConfigError(
            "validation_rows", "is not read by a cross-validation, whose folds are equally large; leave it out"
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
