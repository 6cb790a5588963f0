"""Transforms of inputs and targets, before they are scaled."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils import DatasetError, Declaration, Preparation, describe, load_test_data, load_trial_data
from data_utils.registry import DatasetInfo
from data_utils.standardise import fit, standardise
from data_utils.transforms import INPUT_TRANSFORMS, signed_log1p

NOWHERE = Path("unused")


@given(st.lists(st.floats(-1e12, 1e12), min_size=1))
def test_the_input_transform_is_odd_increasing_and_can_be_undone(values: list[float]) -> None:
    array = np.sort(np.array(values))
    found = signed_log1p(array)
    np.testing.assert_array_equal(signed_log1p(-array), -found)
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(np.sign(found) * np.expm1(np.abs(found)), array, rtol=1e-12)


def test_bytes_are_transformed_exactly() -> None:
    found = signed_log1p(np.array([0, 3, 255], dtype=np.uint8))
    np.testing.assert_array_equal(found, np.log1p([0.0, 3.0, 255.0]))


def test_missing_values_are_filled_in_the_units_of_the_source() -> None:
    table = np.array([[1.0, np.nan], [3.0, -7.0], [np.nan, 9.0], [8.0, 100.0]])
    log1p = INPUT_TRANSFORMS["log1p"]
    scaling = fit(table, np.ones(4), Preparation(input_transform="log1p"), task="regression", missing="mean")
    assert scaling.input_fill is not None
    np.testing.assert_allclose(scaling.input_fill, [4, 34])
    filled = signed_log1p(np.where(np.isnan(table), [4, 34], table))
    np.testing.assert_allclose(scaling.input_offset, filled.mean(axis=0))
    np.testing.assert_allclose(scaling.input_scale, filled.std(axis=0))
    given = {"mean": scaling.input_offset, "std": scaling.input_scale, "fill": scaling.input_fill}
    found = standardise(table, **given, transform=log1p)
    np.testing.assert_allclose(found, (filled - filled.mean(axis=0)) / filled.std(axis=0), rtol=1e-6)


def test_targets_are_standardised_logarithms() -> None:
    plain = load_trial_data("diabetes", data_dir=NOWHERE)
    data = load_trial_data("diabetes", Preparation(target_transform="log"), data_dir=NOWHERE)
    dollars = plain.train_targets * plain.target_std + plain.target_mean
    assert data.target_mean == pytest.approx(np.log(dollars).mean(), rel=1e-5)
    assert data.target_std == pytest.approx(np.log(dollars).std(), rel=1e-4)
    np.testing.assert_allclose(np.exp(data.train_targets * data.target_std + data.target_mean), dollars, rtol=1e-4)
    np.testing.assert_array_equal(data.train_inputs, plain.train_inputs)
    assert data.fingerprint == plain.fingerprint
    assert (data.target_transform, plain.target_transform) == ("log", "none")
    test, plain_test = (
        load_test_data("diabetes", Preparation(target_transform=name), data_dir=NOWHERE) for name in ("log", "none")
    )
    assert (test.target_mean, test.target_std, test.target_transform) == (data.target_mean, data.target_std, "log")
    np.testing.assert_allclose(
        np.exp(test.targets * test.target_std + test.target_mean),
        plain_test.targets * plain_test.target_std + plain_test.target_mean,
        rtol=1e-4,
    )


def test_inputs_are_scaled_after_their_transform_in_every_part() -> None:
    plain = load_trial_data("diabetes", data_dir=NOWHERE)
    data = load_trial_data("diabetes", Preparation(input_transform="log1p"), data_dir=NOWHERE)
    assert data.input_transform == "log1p"
    np.testing.assert_allclose(data.train_inputs.mean(axis=0), 0, atol=1e-5)
    for name in ("train_inputs", "validation_inputs"):
        source = getattr(plain, name) * plain.input_scale + plain.input_offset
        expected = (signed_log1p(source) - data.input_offset) / data.input_scale
        np.testing.assert_allclose(getattr(data, name), expected, atol=1e-4)
    test, plain_test = (
        load_test_data("diabetes", Preparation(input_transform=name), data_dir=NOWHERE) for name in ("log1p", "none")
    )
    source = plain_test.inputs * plain.input_scale + plain.input_offset
    np.testing.assert_allclose(test.inputs, (signed_log1p(source) - data.input_offset) / data.input_scale, atol=1e-4)


def table(folder: Path, targets: list[float]) -> DatasetInfo:
    rows = [f"{row},{target}" for row, target in enumerate(targets)]
    (folder / "t.csv").write_text("\n".join(["a,y", *rows]) + "\n")
    declaration = Declaration.from_mapping("t", {"file": "t.csv", "target": "y", "task": "regression"})
    return describe(declaration, folders=[folder])


@pytest.mark.parametrize("lowest", [0.0, -2.5])
def test_a_target_without_a_logarithm_is_one_clear_line(tmp_path: Path, lowest: float) -> None:
    info = table(tmp_path, [lowest if row % 2 else row + 0.5 for row in range(80)])
    with pytest.raises(DatasetError) as caught:
        load_trial_data(info, Preparation(target_transform="log"), data_dir=tmp_path)
    message = str(caught.value)
    assert message.startswith("t: target_transform log needs every target above 0, but ")
    assert message.endswith(f"are not (the lowest is {lowest:g}); use target_transform: none")
    assert "\n" not in message
    assert load_trial_data(info, data_dir=tmp_path).target_transform == "none"


def test_a_test_part_without_a_logarithm_is_found_when_it_is_opened(tmp_path: Path) -> None:
    for place in range(80):
        info = table(tmp_path, [-1.0 if row == place else row + 0.5 for row in range(80)])
        try:
            load_trial_data(info, Preparation(target_transform="log"), data_dir=tmp_path)
        except DatasetError:
            continue
        with pytest.raises(DatasetError, match=r"but 1 of \d+ in the test part are not \(the lowest is -1\);"):
            load_test_data(info, Preparation(target_transform="log"), data_dir=tmp_path)
        return
    pytest.fail("no row fell into the test part")


def test_classes_have_no_logarithm() -> None:
    with pytest.raises(
        DatasetError, match="digits: target_transform log is for regression, and the targets are classes"
    ):
        load_trial_data("digits", Preparation(target_transform="log"), data_dir=NOWHERE)
