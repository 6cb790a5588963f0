"""Loads the data that trials train on, and keeps what reports show of their validation parts."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils import DatasetError, TrialData
from tune_jobs.errors import UserError
from tune_jobs.ledger.images import has_images, images_name, write_images
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import TRAINERS_OWN, data_slot
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.questions import find_trial_data

_NOTHING = np.empty(0, dtype=np.float32)
# Of a training function of the user, which reads its data itself.
NO_DATA = TrialData(
    TRAINERS_OWN, TRAINERS_OWN, "", 0, "", 0, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, 0.0, 1.0
)
# Of classes, and of split seeds.
_MOST_NAMED = 5


def load_data(configs: Iterable[TrialConfig], data_dir: Path, code: Code) -> dict[str, TrialData]:
    """Load the data of some configurations, by `data_slot`.

    Args:
        configs: of trials.
        data_dir: the data folder.
        code: the user's modules, which may make the data.

    Raises:
        UserError: a file is missing or corrupt, or a function of the user fails.
    """
    slots = {data_slot(config): config for config in configs}
    try:
        return {
            slot: NO_DATA if config.trainer else find_trial_data(config, data_dir, code)
            for slot, config in slots.items()
        }
    except DatasetError as error:
        raise UserError(str(error)) from error


@functools.lru_cache(maxsize=1)
def shared_data(reference: Any) -> TrialData:
    """Get the data that trials of this worker train on.

    The last are kept: the next trial on them gets the same object, which `models.device_data` has on the device.

    Args:
        reference: of Ray's object store.
    """
    import ray

    part: TrialData = ray.get(reference)
    return part


def untrained_classes(configs: Iterable[TrialConfig], data: Mapping[str, TrialData]) -> list[str]:
    """Say which classes have validation rows but no training row, so no trial can learn them.

    Args:
        configs: of trials.
        data: by `data_slot`.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for slot, config in {data_slot(config): config for config in configs}.items():
        part = data[slot]
        if part.task != "classification":
            continue
        info = config.dataset_info
        for place in sorted(set(part.validation_targets.tolist()) - set(part.train_targets.tolist())):
            name = info.class_names[place] if info.class_names else str(place)
            found.setdefault((info.label, name), []).append(config.split_seed)
    lines = []
    for (label, name), seeds in list(found.items())[:_MOST_NAMED]:
        words = ", ".join(map(str, sorted(set(seeds))[:_MOST_NAMED])) + (", …" if len(set(seeds)) > _MOST_NAMED else "")
        lines.append(
            f"{label}: no training row has the class {name} with split_seed {words}, so it is not learnt there"
        )
    return lines + ([f"and {len(found) - _MOST_NAMED} more such classes"] if len(found) > _MOST_NAMED else [])


def keep_validation(ledger: Ledger, configs: Iterable[TrialConfig], data: Mapping[str, TrialData]) -> None:
    """Write to the ledger what reports show of validation parts: targets, and images of the first split.

    Args:
        ledger: of the run.
        configs: of trials.
        data: by `data_slot`.
    """
    first: dict[str, TrialConfig] = {}
    for slot, config in {data_slot(config): config for config in configs if not config.trainer}.items():
        part = data[slot]
        _keep_targets(ledger, config, part)
        if has_images(part):
            name = images_name(part.fingerprint, config)
            first[name] = min(first.get(name, config), config, key=lambda one: (one.split_seed, one.fold))
    for config in first.values():
        write_images(ledger.storage, config, data[data_slot(config)])


def _keep_targets(ledger: Ledger, config: TrialConfig, part: TrialData) -> None:
    arrays: dict[str, NDArray[Any]] = {"targets": part.validation_targets}
    if part.task == "regression":
        arrays |= {"target_mean": np.array(part.target_mean), "target_std": np.array(part.target_std)}
    if part.validation_inputs.ndim == 2:
        arrays |= {"inputs": part.validation_inputs}
        arrays |= {"input_offset": part.input_offset, "input_scale": part.input_scale}
    write_targets(ledger.storage, targets_name(part.fingerprint, config), arrays)
