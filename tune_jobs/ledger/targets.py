"""The validation targets that stored predictions are compared with, kept once for each dataset and split."""

import io
import logging
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_jobs.errors import StorageError, first_line
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.data import SCALING_FIELDS, validation_rows

FOLDER = "validation"

_log = logging.getLogger(__name__)


def targets_name(fingerprint: str, config: TrialConfig) -> str:
    """Name the validation targets of a configuration: by data, split and scaling."""
    scaling = [value for name in SCALING_FIELDS if (value := getattr(config, name)) != FIELDS[name].neutral]
    fold = [f"fold{config.fold}of{config.folds}"] if config.folds else []
    return "-".join(map(str, (fingerprint, config.split_seed, validation_rows(config), *fold, *scaling)))


def own_targets_name(key: str) -> str:
    """Name the validation targets that a training function has given for the trial of a key."""
    return f"trial-{key}"


def write_targets(storage: Storage, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep validation targets, and the arrays that go with them, unless they are kept already."""
    if not _kept(storage, name, arrays):
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        storage.write(stream.getvalue(), FOLDER, f"{name}.npz")


def read_targets(storage: Storage, name: str) -> dict[str, NDArray[Any]]:
    """Read what `write_targets` kept.

    Raises:
        FileNotFoundError: nothing was kept under the name, or only a file that is cut or damaged, which is logged.
    """
    file = f"{name}.npz"
    try:
        return parse_targets(storage.read(FOLDER, file))
    except ValueError as error:
        if isinstance(error, StorageError):
            raise
        address = storage.address(FOLDER, file)
        _log.warning("%s: is cut or damaged (%s); the next run of its study writes it anew", address, error)
        raise FileNotFoundError(address) from error


def parse_targets(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of targets.

    Raises:
        ValueError: it is cut or damaged.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(first_line(error)) from error


def _kept(storage: Storage, name: str, arrays: Mapping[str, NDArray[Any]]) -> bool:
    try:
        return set(arrays) <= set(read_targets(storage, name))
    except FileNotFoundError:
        return False
