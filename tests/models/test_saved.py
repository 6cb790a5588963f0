"""Trained networks as bytes: they load as they were saved, and nothing in them is executed."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_utils import Declaration, TrialData, describe, load_trial_data
from models.engine import Training, train
from models.errors import ModelError
from models.plan import TrainingPlan
from models.saved import from_bytes, to_bytes
from tune_jobs.trial.config import TrialConfig, plain_config
from tune_jobs.trial.data import preparation


def trained(tmp_path: Path, **fields: Any) -> tuple[TrialConfig, TrialData, Training]:
    config = TrialConfig(**{"epochs": 2, "hidden_units": 6, **fields})
    data = load_trial_data(config.dataset, preparation(config), data_dir=tmp_path)
    return config, data, train(config, [0], data, plan=TrainingPlan(measure_at=[2]))[0]


CONFIGS: list[dict[str, Any]] = [
    {},
    {"network": "cnn", "batch_norm": True, "dropout": 0.2, "input_scaling": "unit"},
    {"network": "linear", "objective": "mse_softmax"},
    {"dataset": "toy", "objective": "bce_with_logits"},
    {"dataset": "diabetes", "objective": "mse"},
    {"dataset": "diabetes", "objective": "gaussian_nll", "variance_link": "softplus"},
    {"dataset": "diabetes", "objective": "mse", "target_transform": "log", "input_transform": "log1p"},
    {"dataset": "diabetes", "objective": "gaussian_nll", "target_transform": "log", "input_scaling": "unit"},
]


@pytest.mark.parametrize("fields", CONFIGS)
def test_a_loaded_model_has_the_validation_score_of_its_history(tmp_path: Path, fields: dict[str, Any]) -> None:
    config, data, training = trained(tmp_path, **fields)
    model = from_bytes(to_bytes(training.network, dataclasses.asdict(config), data))
    metric, loss = model.score(data, data.validation_inputs, data.validation_targets)
    assert metric == training.history.validation_metric[-1]
    assert loss == pytest.approx(training.history.validation_loss[-1], rel=1e-6)
    assert model.config == dataclasses.asdict(config)


@pytest.mark.parametrize("fields", CONFIGS)
def test_predictions_take_inputs_in_the_units_of_the_source(tmp_path: Path, fields: dict[str, Any]) -> None:
    config, data, training = trained(tmp_path, **fields)
    model = from_bytes(to_bytes(training.network, dataclasses.asdict(config), data))
    raw = data.validation_inputs * data.input_scale + data.input_offset
    if config.input_transform == "log1p":
        raw = np.sign(raw) * np.expm1(np.abs(raw))
    predictions = model.predict(raw)
    assert predictions.shape == data.validation_targets.shape
    if data.task == "classification":
        accuracy = 100 * np.mean(predictions == data.validation_targets)
        assert accuracy == pytest.approx(training.history.validation_metric[-1], abs=0.5)
    else:
        targets = data.validation_targets * data.target_std + data.target_mean
        errors = predictions - (np.exp(targets) if config.target_transform == "log" else targets)
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(training.history.validation_metric[-1], rel=1e-4)
    if config.predicts_gaussian:
        assert (model.predict_std(raw) > 0).all()
    else:
        with pytest.raises(ModelError, match="predicts no standard deviation"):
            model.predict_std(raw)
    if config.objective in ("cross_entropy", "mse_softmax", "bce_with_logits"):
        probabilities = model.predict_probabilities(raw)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert np.array_equal(probabilities.argmax(axis=1), predictions)
    else:
        with pytest.raises(ModelError, match="no probabilities"):
            model.predict_probabilities(raw)


def test_a_file_without_transforms_is_read_and_a_file_with_them_has_a_later_format(tmp_path: Path) -> None:
    for transform, number in (("none", 1), ("log", 2)):
        config, data, training = trained(tmp_path, dataset="diabetes", objective="mse", target_transform=transform)
        plain = dataclasses.asdict(config)
        for name in ("input_transform", "target_transform", "shift"):
            plain.pop(name)
        content = to_bytes(training.network, plain, data)
        assert from_bytes(content).target_transform == transform
        seen: list[dict[str, Any]] = []
        changed(content, seen.append)
        assert seen[0]["format"] == number
        assert ("target_transform" in seen[0]) == (number == 2)


def test_inputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    config, data, training = trained(tmp_path)
    model = from_bytes(to_bytes(training.network, dataclasses.asdict(config), data))
    with pytest.raises(ModelError, match=r"shape \(2, 64\) is not \[n, 1, 8, 8\]"):
        model.predict(np.zeros((2, 64)))


def test_missing_values_are_filled_as_in_training_and_refused_where_training_had_none(tmp_path: Path) -> None:
    rows = [f"{'' if row % 7 == 0 else row},{row % 3},{row * 1.5}" for row in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    declared = {"file": "t.csv", "target": "y", "task": "regression"}
    for missing, expected in (("mean", None), ("error", "hold values that are missing")):
        text = (tmp_path / "t.csv").read_text()
        if missing == "error":
            (tmp_path / "t.csv").write_text(text.replace("\n,", "\n5,"))
        info = describe(Declaration.from_mapping("t", {**declared, "missing": missing}), folders=[tmp_path])
        data = load_trial_data(info, data_dir=tmp_path)
        config = TrialConfig(dataset="t", info=info, objective="mse", epochs=1)
        training = train(config, [0], data)[0]
        model = from_bytes(to_bytes(training.network, plain_config(config), data))
        holed = np.array([[np.nan, 1.0]])
        if expected is None:
            assert data.input_fill is not None
            filled = np.array([[data.input_fill[0], 1.0]])
            np.testing.assert_array_equal(model.predict(holed), model.predict(filled))
        else:
            with pytest.raises(ModelError, match=expected):
                model.predict(holed)


def test_loading_draws_nothing_from_the_global_generator(tmp_path: Path) -> None:
    import torch

    config, data, training = trained(tmp_path)
    content = to_bytes(training.network, dataclasses.asdict(config), data)
    before = torch.random.get_rng_state()
    from_bytes(content)
    assert torch.equal(before, torch.random.get_rng_state())


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_no_model_file_and_is_not_executed(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    with pytest.raises(ModelError, match="is no model file"):
        from_bytes(pickle.dumps(Trap(sprung)))
    assert not sprung.exists()


def changed(content: bytes, change: Any) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["ablatune"])
    change(ours)
    header["__metadata__"]["ablatune"] = json.dumps(ours)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.update(format=99), "format 99, 1 or 2 expected"),
        (lambda header: header["config"].update(network="os:system"), "'os:system' is not known here"),
        (lambda header: header["config"].update(hidden_units=7), "do not fit its configuration"),
        (lambda header: header.pop("task"), "its header lacks task"),
        (lambda header: header.update(config=[]), "its header lacks a configuration"),
        (lambda header: header["config"].pop("hidden_units"), "does not build a network"),
    ],
)
def test_headers_that_do_not_fit_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    config, data, training = trained(tmp_path)
    content = to_bytes(training.network, dataclasses.asdict(config), data)
    with pytest.raises(ModelError, match=words):
        from_bytes(changed(content, change))
    with pytest.raises(ModelError, match="is no model file"):
        from_bytes(content[:-10])
    with pytest.raises(ModelError, match="is a damaged model file"):
        from_bytes(content[:-4] + bytes(3) + bytes([255]))
