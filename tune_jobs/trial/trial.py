"""A trial: a configuration with its key, how many epochs it trains, and the epochs at which it is measured."""

from collections.abc import Hashable
from dataclasses import dataclass

from models.registry import is_reference
from models.stacking.shape import can_stack, shape_on_any_data
from models.version import SINGLE, STACKED
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.fields import plain_words
from tune_jobs.trial.key import is_code, trajectory


@dataclass(frozen=True, slots=True)
class Trial:
    """A trajectory that a study needs.

    Attributes:
        key: of the trajectory.
        config: with its seed, and with the total of epochs that its schedule counts on.
        epochs: how many epochs it trains.
        measure_at: the epochs that rows read.
        measure_improvements: whether a row reads the best epoch.
        stops: patiences of rows that end where early stopping would have ended a longer trajectory.
        mode: "single", or "stacked" for a member of a stack; part of the key.
    """

    key: str
    config: TrialConfig
    epochs: int
    measure_at: frozenset[int]
    measure_improvements: bool = False
    stops: frozenset[int] = frozenset()
    mode: str = SINGLE


def can_be_stacked(config: TrialConfig) -> bool:
    """Tell whether a configuration can train in a stack; a training function of the user never does."""
    return not config.trainer and can_stack(config)


def stack_shape(trial: Trial) -> Hashable | None:
    """Return what trials have in common that can be in one stack; None for one that trains singly."""
    shape = shape_on_any_data(trial.config) if trial.mode == STACKED else None
    return None if shape is None else (shape, data_slot(trial.config))


def differences(config: TrialConfig, base: TrialConfig) -> str:
    """Say in a few words how a configuration differs from a base, apart from the seed."""
    mine, theirs = trajectory(config), trajectory(base)
    names = [*FIELDS, *(name for name in {**mine, **theirs} if name not in FIELDS and not is_code(name))]
    changed = [name for name in names if name != "seed" and mine.get(name) != theirs.get(name)]
    if config.epochs != base.epochs and "epochs" not in changed:
        changed.append("epochs")
    # A training function's parameters have no others beside them that could be meant.
    shown = {name: name.removeprefix("trainer.") for name in changed}
    return ", ".join(f"{shown[name]}={_value(config, name)}" for name in changed if _has(config, name)) or "default"


def _has(config: TrialConfig, name: str) -> bool:
    return name in FIELDS or name in config.own


def label_of(trial: Trial, base: TrialConfig) -> str:
    """Name a trial for people: how it differs from a base, and its seed."""
    return f"{differences(trial.config, base)}, seed {trial.config.seed}"


def _value(config: TrialConfig, name: str) -> str:
    if name == "dataset":
        return config.dataset_info.label
    value = getattr(config, name) if name in FIELDS else config.own[name]
    # Classes of two modules may have one name, so a reference is written out.
    if name not in FIELDS or (FIELDS[name].references and is_reference(value)):
        return plain_words(value)
    return FIELDS[name].describe(value)
