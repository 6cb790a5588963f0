"""Validation images, kept once for each dataset, so that reports can show them without reading the dataset."""

import numpy as np
from numpy.typing import NDArray

from data_utils import TrialData
from tune_jobs.ledger.targets import read_targets, write_targets
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import preparation, validation_rows

# What is kept of one dataset, before compression.
MOST_IMAGES, MOST_BYTES = 4000, 8_000_000


class KeptImages:
    """Images of a validation part.

    Attributes:
        images: uint8 [k, channels, height, width].
        rows: of the validation part, [k], ascending.
        targets: the classes of these rows, [k].
        of_rows: how many rows the validation part has.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.images = np.asarray(arrays["images"], dtype=np.uint8)
        self.rows = np.asarray(arrays["rows"], dtype=np.int64)
        self.targets = np.asarray(arrays["targets"], dtype=np.int64)
        self.of_rows = int(arrays["of_rows"])
        self._split = tuple(np.asarray(arrays["split"]).tolist())

    def show(self, config: TrialConfig) -> bool:
        """Whether they are of the validation part of a configuration, and not of that of another seed."""
        return self._split == _split(config)


def images_name(fingerprint: str, config: TrialConfig) -> str:
    """Name the kept images of a configuration's data: by data and size of the validation part, for all seeds."""
    folds = f"-{config.folds}folds" if config.folds else ""
    return f"images-{fingerprint}-{validation_rows(config)}{folds}"


def has_images(part: TrialData) -> bool:
    """Whether data are classes of images, with one channel or three."""
    shape = part.validation_inputs.shape
    return part.task == "classification" and len(shape) == 4 and shape[1] in (1, 3) and 0 not in shape


def write_images(storage: Storage, config: TrialConfig, part: TrialData) -> None:
    """Keep images of a configuration's validation part, unless some of its data are kept already.

    Of a part that is too large, rows at equal distances are kept.
    """
    size = part.validation_inputs[0].size
    count = len(part.validation_inputs)
    most = min(count, MOST_IMAGES, MOST_BYTES // size)
    if most == 0:
        return
    rows = np.arange(most, dtype=np.int64) * count // most
    arrays = {
        "images": as_bytes(part.validation_inputs[rows], part),
        "rows": rows,
        "targets": part.validation_targets[rows],
        "of_rows": np.array(count),
        "split": np.array(_split(config)),
    }
    write_targets(storage, images_name(part.fingerprint, config), arrays)


def read_images(storage: Storage, fingerprint: str, config: TrialConfig) -> KeptImages | None:
    """Read what `write_images` kept; None where nothing was, as in ledgers of earlier versions."""
    try:
        return KeptImages(read_targets(storage, images_name(fingerprint, config)))
    except (FileNotFoundError, KeyError):
        return None


def as_bytes(inputs: NDArray[np.float32], part: TrialData) -> NDArray[np.uint8]:
    """Turn inputs [k, channels, height, width] of data into images as they were before scaling.

    The scaling and the transform are undone, with the offset and the scale of each channel. Then the least value of all
    these images is 0 and the greatest 255, with equal steps between them: brightness is comparable between images and
    between channels. Images that all have one value are black.
    """
    raw = inputs * part.input_scale + part.input_offset
    if part.input_transform == "log1p":
        raw = np.sign(raw) * np.expm1(np.abs(raw))
    low, high = float(raw.min()), float(raw.max())
    if not high > low:
        return np.zeros(raw.shape, dtype=np.uint8)
    scaled: NDArray[np.uint8] = np.rint((raw - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)
    return scaled


def _split(config: TrialConfig) -> tuple[int, int]:
    prepared = preparation(config)
    return prepared.split_seed, prepared.fold
