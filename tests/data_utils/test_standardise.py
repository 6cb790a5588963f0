"""Standardisation by the statistics of the training rows."""

import numpy as np
import pytest

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
    scaling = fit(table, np.zeros(2), task="classification", input_scaling="unit")
    scaled = standardise(table, mean=scaling.input_offset, std=scaling.input_scale)
    assert scaled.tolist() == [[0, 0, 0], [1, 0, 1]], "what is constant is divided by 1"
    pixels = np.array([0, 51, 255], dtype=np.uint8).reshape(3, 1, 1, 1)
    scaling = fit(pixels, np.zeros(3), task="regression", input_scaling="unit")
    scaled = standardise(pixels, mean=scaling.input_offset, std=scaling.input_scale)
    assert scaled.ravel().tolist() == pytest.approx([0, 0.2, 1])
    assert scaling.target_std == 1, "targets are standardised as ever"
