"""Whether a configuration can be trained at all, before anything is loaded or built."""

from models.errors import ModelError
from models.registry import OBJECTIVES, entry
from models.shapes import check_network
from tune_jobs.errors import ConfigError
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import validation_rows


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
