"""The validation targets that stored predictions are compared with, kept once for each dataset and split."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.data import SCALING_FIELDS, validation_rows

FOLDER = "validation"


def targets_name(fingerprint: str, config: TrialConfig) -> str:
    """Name the validation targets of a configuration: by data, split and scaling."""
    scaling = [value for name in SCALING_FIELDS if (value := getattr(config, name)) != FIELDS[name].neutral]
    return "-".join(map(str, (fingerprint, config.split_seed, validation_rows(config), *scaling)))


def write_targets(storage: Storage, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep validation targets, and the arrays that go with them, unless they are kept already."""
    if not _kept(storage, name, arrays):
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        storage.write(stream.getvalue(), FOLDER, f"{name}.npz")


def read_targets(storage: Storage, name: str) -> dict[str, NDArray[Any]]:
    """Read what `write_targets` kept.

    Raises:
        FileNotFoundError: nothing was kept under the name.
    """
    with np.load(io.BytesIO(storage.read(FOLDER, f"{name}.npz")), allow_pickle=False) as stored:
        return dict(stored)


def _kept(storage: Storage, name: str, arrays: Mapping[str, NDArray[Any]]) -> bool:
    try:
        return set(arrays) <= set(read_targets(storage, name))
    except FileNotFoundError:
        return False
