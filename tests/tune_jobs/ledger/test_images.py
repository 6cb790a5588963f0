"""Validation images: what is kept, how much at most, and how they are read again."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data_utils import TrialData
from tune_jobs.ledger import images
from tune_jobs.ledger.images import as_bytes, has_images, read_images, write_images
from tune_jobs.storage.storage import Storage
from tune_jobs.training.data import load_data
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.user_code.modules import Code

CONFIG = TrialConfig(split_seed=1)


@pytest.fixture(scope="module")
def digits() -> TrialData:
    return load_data([CONFIG], Path(), Code())[data_slot(CONFIG)]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path / "results"))


def coloured(part: TrialData, raw: np.ndarray) -> TrialData:
    """Scaled images of three channels, each with its own offset and scale."""
    offset = np.array([0.1, 0.2, 0.3], dtype=np.float32).reshape(3, 1, 1)
    scale = np.array([2.0, 0.5, 1.0], dtype=np.float32).reshape(3, 1, 1)
    inputs = ((raw - offset) / scale).astype(np.float32)
    targets = np.zeros(len(raw), dtype=np.int64)
    more = {"validation_inputs": inputs, "validation_targets": targets, "input_offset": offset, "input_scale": scale}
    return dataclasses.replace(part, **more)


def test_what_is_kept_is_the_data_before_scaling(storage: Storage, digits: TrialData) -> None:
    write_images(storage, CONFIG, digits)
    kept = read_images(storage, digits.fingerprint, CONFIG)
    assert kept is not None
    assert kept.images.shape == digits.validation_inputs.shape
    assert np.array_equal(kept.rows, np.arange(kept.of_rows))
    assert np.array_equal(kept.targets, digits.validation_targets)
    # The digits are whole numbers from 0 to 16.
    raw = digits.validation_inputs * digits.input_scale + digits.input_offset
    assert np.abs(raw - kept.images * (16 / 255)).max() < 16 / 255


def test_other_seeds_have_their_own_rows_and_the_first_stay(storage: Storage, digits: TrialData) -> None:
    write_images(storage, CONFIG, digits)
    other = CONFIG.replace(split_seed=2)
    write_images(storage, other, digits)
    kept = read_images(storage, digits.fingerprint, other)
    assert kept is not None
    assert kept.show(CONFIG)
    assert not kept.show(other)
    assert kept.show(CONFIG.replace(learning_rate=0.5, input_scaling="unit"))
    assert read_images(storage, digits.fingerprint, CONFIG.replace(validation_rows=100)) is None


def test_a_ledger_without_images_has_none(storage: Storage) -> None:
    assert read_images(storage, "f" * 16, CONFIG) is None
    storage.write(b"cut", "validation", f"{images.images_name('f' * 16, CONFIG)}.npz")
    assert read_images(storage, "f" * 16, CONFIG) is None


@pytest.mark.parametrize(("most_images", "most_bytes", "kept_rows"), [(7, 10**6, 7), (4000, 64 * 5 + 63, 5)])
def test_large_parts_are_bounded_and_spread(
    storage: Storage,
    digits: TrialData,
    monkeypatch: pytest.MonkeyPatch,
    most_images: int,
    most_bytes: int,
    kept_rows: int,
) -> None:
    monkeypatch.setattr(images, "MOST_IMAGES", most_images)
    monkeypatch.setattr(images, "MOST_BYTES", most_bytes)
    write_images(storage, CONFIG, digits)
    kept = read_images(storage, digits.fingerprint, CONFIG)
    assert kept is not None
    assert (len(kept.images), kept.of_rows) == (kept_rows, len(digits.validation_targets))
    assert np.array_equal(kept.targets, digits.validation_targets[kept.rows])
    assert kept.rows[-1] > kept.of_rows / 2


def test_images_larger_than_all_that_is_kept_are_left_out(
    storage: Storage, digits: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 63)
    write_images(storage, CONFIG, digits)
    assert read_images(storage, digits.fingerprint, CONFIG) is None


def test_channels_keep_their_colours(digits: TrialData) -> None:
    raw = np.linspace(0, 1, 2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    part = coloured(digits, raw)
    assert has_images(part)
    assert np.abs(as_bytes(part.validation_inputs, part).astype(float) - 255 * raw).max() <= 1
    one_value = coloured(digits, np.full((2, 3, 4, 5), 0.5))
    same = dataclasses.replace(one_value, validation_inputs=np.zeros((2, 3, 4, 5), dtype=np.float32))
    same = dataclasses.replace(same, input_offset=np.full((3, 1, 1), 0.5, dtype=np.float32))
    assert not as_bytes(same.validation_inputs, same).any()
    logarithms = dataclasses.replace(coloured(digits, np.log1p(raw)), input_transform="log1p")
    assert np.abs(as_bytes(logarithms.validation_inputs, logarithms).astype(float) - 255 * raw).max() <= 1


def test_only_classes_of_images_have_them(digits: TrialData) -> None:
    assert has_images(digits)
    assert not has_images(dataclasses.replace(digits, task="regression"))
    assert not has_images(dataclasses.replace(digits, validation_inputs=digits.validation_inputs[:, 0]))
    two = np.repeat(digits.validation_inputs, 2, axis=1)
    assert not has_images(dataclasses.replace(digits, validation_inputs=two))
