"""Standardisation by the statistics of the training rows."""

import numpy as np
import pytest

from data_utils.preparation import Preparation
from data_utils.standardise import fit, standardise


def test_tables_are_measured_per_feature_and_images_per_channel() -> None:
    generator = np.random.default_rng(0)
    table, images = generator.normal(3, 2, size=(50, 4)), generator.normal(3, 2, size=(50, 3, 5, 6))
    targets = generator.normal(100, 9, size=50)
    scaling = fit(table, targets, task="regression")
    np.testing.assert_allclose(scaling.input_offset, table.mean(axis=0))
    np.testing.assert_allclose(scaling.input_scale, table.std(axis=0))
    assert scaling.target_mean == pytest.approx(targets.mean())
    assert scaling.target_std == pytest.approx(targets.std())
    scaling = fit(images, targets, task="classification")
    assert scaling.input_offset.shape == (3, 1, 1)
    np.testing.assert_allclose(scaling.input_offset[:, 0, 0], images.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(scaling.input_scale[:, 0, 0], images.std(axis=(0, 2, 3)))
    assert (scaling.target_mean, scaling.target_std) == (0.0, 1.0)


def test_what_is_constant_gets_a_deviation_of_one() -> None:
    table = np.stack([np.full(7, 0.1), np.arange(7.0)], axis=1)
    scaling = fit(table, np.full(7, 0.1), task="regression")
    assert scaling.input_scale[0] == 1
    assert scaling.input_scale[1] == pytest.approx(2)
    assert scaling.target_std == 1


def test_more_rows_than_a_block_and_bytes_as_inputs() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(10_000, 1, 2, 2), dtype=np.uint8)
    before = images.copy()
    scaling = fit(images, np.zeros(10_000), task="classification")
    np.testing.assert_allclose(scaling.input_scale.item(), images.astype(float).std())
    scaled = standardise(images, mean=scaling.input_offset, std=scaling.input_scale)
    expected = (images - images.astype(float).mean()) / images.astype(float).std()
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
    assert scaled.dtype == np.float32
    assert scaled.base is None
    np.testing.assert_array_equal(images, before)


def test_unit_scaling_maps_the_training_range_to_zero_and_one() -> None:
    table = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 8.0]])
    scaling = fit(table, np.zeros(2), Preparation(input_scaling="unit"), task="classification")
    scaled = standardise(table, mean=scaling.input_offset, std=scaling.input_scale)
    assert scaled.tolist() == [[0, 0, 0], [1, 0, 1]], "what is constant is divided by 1"
    pixels = np.array([0, 51, 255], dtype=np.uint8).reshape(3, 1, 1, 1)
    scaling = fit(pixels, np.zeros(3), Preparation(input_scaling="unit"), task="regression")
    scaled = standardise(pixels, mean=scaling.input_offset, std=scaling.input_scale)
    assert scaled.ravel().tolist() == pytest.approx([0, 0.2, 1])
    assert scaling.target_std == 1, "targets are standardised as ever"


def test_sequences_are_measured_per_feature() -> None:
    sequences = np.random.default_rng(0).normal(3, 2, size=(20, 7, 4))
    scaling = fit(sequences, np.zeros(20), task="classification")
    assert scaling.input_offset.shape == (1, 4)
    np.testing.assert_allclose(scaling.input_offset[0], sequences.mean(axis=(0, 1)))
    np.testing.assert_allclose(scaling.input_scale[0], sequences.std(axis=(0, 1)))
    scaled = standardise(sequences, mean=scaling.input_offset, std=scaling.input_scale)
    np.testing.assert_allclose(scaled.mean(axis=(0, 1)), 0, atol=1e-6)


@pytest.mark.parametrize(("missing", "fill"), [("mean", [13 / 4, 5]), ("median", [2.5, 5]), ("most_frequent", [2, 4])])
def test_what_is_missing_is_imputed_before_it_is_measured(missing: str, fill: list[float]) -> None:
    table = np.array([[2, np.nan], [np.nan, 4], [2, 6], [3, np.nan], [6, np.nan]])
    before = table.copy()
    scaling = fit(table, np.zeros(5), task="classification", missing=missing)
    assert scaling.input_fill is not None
    assert scaling.input_fill.tolist() == pytest.approx(fill)
    filled = np.where(np.isnan(table), fill, table)
    np.testing.assert_allclose(scaling.input_offset, filled.mean(axis=0))
    np.testing.assert_allclose(scaling.input_scale, filled.std(axis=0))
    scaled = standardise(table, mean=scaling.input_offset, std=scaling.input_scale, fill=scaling.input_fill)
    np.testing.assert_allclose(scaled, (filled - filled.mean(axis=0)) / filled.std(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(table, before)


def test_what_is_missing_in_images_is_imputed_per_channel() -> None:
    images = np.arange(24.0).reshape(2, 3, 2, 2)
    images[0, 1, 0, 0] = np.nan
    scaling = fit(images, np.zeros(2), task="classification", missing="mean")
    assert scaling.input_fill is not None
    np.testing.assert_allclose(scaling.input_fill, np.nanmean(images, axis=(0, 2, 3)).reshape(3, 1, 1))
    assert fit(np.nan_to_num(images), np.zeros(2), task="classification").input_fill is None
