"""Gaussian predictions in the units of the source, and their frames."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.frames.gaussian_predictions import (
    GaussianPredictions,
    correlation_frame,
    coverage_frame,
    gaussian_predictions,
    gaussian_replicates,
    spread_frame,
)
from analysis.statistics.coverage import (
    NOMINAL,
    log_normal,
)
from models import objectives
from tests.analysis.figures.kept import GAUSSIAN, keep_gaussians
from tune_jobs.trial.config import TrialConfig

FEATURES = ("OverallQual", "GrLivArea")


def predictions(position: int, seed: int, *, factor: float = 1.0, rows: int = 400) -> GaussianPredictions:
    """Return predictions of which the deviations are so many times what they should be."""
    rng = np.random.default_rng([position, seed])
    std = np.exp(rng.normal(10, 0.4, rows))
    mean = rng.normal(180_000, 60_000, rows)
    return GaussianPredictions(
        position, seed, mean, factor * std, mean + std * rng.normal(size=rows), rng.normal(size=(rows, 2))
    )


def test_predictions_are_in_the_units_of_the_source() -> None:
    offset, scale = np.array([6.1, 1500.0], dtype="f4"), np.array([1.4, 520.0], dtype="f4")
    source = np.array([[6.0, 1710.0], [10.0, 334.0], [1.0, 5642.0]])
    stored: dict[str, Any] = {
        "targets": np.array([-1.0, 0.0, 1.0], dtype="f4"),
        "target_mean": np.array(180_000.0),
        "target_std": np.array(80_000.0),
        "inputs": ((source - offset) / scale).astype("f4"),
        "input_offset": offset,
        "input_scale": scale,
    }
    one = gaussian_predictions([[0.5, 0.0]] * 3, stored, link="exp", position=4, seed=2)
    assert (one.position, one.seed) == (4, 2)
    np.testing.assert_array_equal(one.inputs, source, "single precision leaves no trace")
    np.testing.assert_allclose(one.targets, [100_000, 180_000, 260_000])
    np.testing.assert_allclose(one.mean, 220_000)
    np.testing.assert_allclose(one.std, 80_000, rtol=1e-6)
    with pytest.raises(ValueError, match="2, 3 and 3 rows differ"):
        gaussian_predictions([[0.5, 0.0]] * 2, stored, link="exp", position=4, seed=2)


def test_predictions_under_transforms_are_log_normal_and_inputs_those_of_the_source() -> None:
    source = np.array([[6.0, -1710.0], [10.0, 334.0], [1.0, 5642.0]])
    logs = np.copysign(np.log1p(np.abs(source)), source)
    offset, scale = logs.mean(axis=0).astype("f4"), logs.std(axis=0).astype("f4")
    stored: dict[str, Any] = {
        "targets": np.array([-1.0, 0.0, 1.0], dtype="f4"),
        "target_mean": np.array(12.0),
        "target_std": np.array(0.4),
        "inputs": ((logs - offset) / scale).astype("f4"),
        "input_offset": offset,
        "input_scale": scale,
    }
    transforms = {"input_transform": "log1p", "target_transform": "log"}
    outputs = [[0.5, -1.0]] * 3
    one = gaussian_predictions(outputs, stored, link="exp", position=4, seed=2, **transforms)
    np.testing.assert_allclose(one.inputs, source, rtol=1e-4)
    np.testing.assert_allclose(one.targets, np.exp([11.6, 12.0, 12.4]), rtol=1e-6)
    task = SimpleNamespace(task="regression", target_mean=12.0, target_std=0.4, target_transform="log")
    made = objectives.build_objective(
        TrialConfig(objective="gaussian_nll"), SimpleNamespace(task="regression", classes=0)
    )
    mean, std = objectives.predicted_moments(made, torch.tensor(outputs), task)
    np.testing.assert_allclose(one.mean, mean.numpy(), rtol=1e-6)
    np.testing.assert_allclose(one.std, std.numpy(), rtol=1e-6)
    plain = gaussian_predictions(outputs, stored, link="exp", position=4, seed=2)
    assert plain.logs is None
    pd.testing.assert_frame_equal(coverage_frame([one]), coverage_frame([plain]))


def test_log_normal_predictions_that_are_calibrated_match_their_errors() -> None:
    rng = np.random.default_rng(0)
    location, spread = rng.normal(12, 0.3, 200_000), np.full(200_000, 0.2)
    found = location + spread * rng.normal(size=200_000)
    mean, std = log_normal(location, spread)
    one = GaussianPredictions(0, 0, mean, std, np.exp(found), np.zeros((200_000, 1)), (location, spread, found))
    (line,) = spread_frame([one]).to_dict("records")
    assert line["rms_std"] == pytest.approx(line["rmse"], rel=0.02)
    frame = coverage_frame([one])
    np.testing.assert_allclose(frame["observed"], frame["nominal"], atol=0.01)


def test_the_frames_have_a_line_for_each_replicate() -> None:
    many = [predictions(position, seed) for position in (0, 2) for seed in range(3)]
    frame, spreads = coverage_frame(many), spread_frame(many)
    assert len(frame) == 6 * len(NOMINAL)
    assert set(frame["n"]) == {400}
    assert spreads[["position", "seed"]].to_numpy().tolist() == [[p, s] for p in (0, 2) for s in range(3)]
    np.testing.assert_allclose(spreads["rmse"] / spreads["rms_std"], 1, atol=0.15)
    assert list(spreads) == ["position", "seed", "rms_std", "rmse"]
    assert coverage_frame([]).empty


def test_the_frame_has_a_line_for_each_replicate_and_input() -> None:
    frame = correlation_frame([certain(seed) for seed in range(3)], FEATURES)
    assert list(frame.columns) == ["position", "seed", "feature", "rho"]
    assert len(frame) == 6
    assert set(frame["position"]) == {3}
    means = frame.groupby("feature")["rho"].mean()
    assert means["OverallQual"] > 0.95
    assert abs(means["GrLivArea"]) < 0.2
    assert list(correlation_frame([], FEATURES).columns) == list(frame.columns)


@pytest.mark.parametrize("features", [("OverallQual",), ("OverallQual", "OverallQual")])
def test_each_input_has_a_name_of_its_own(features: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="do not name 2 inputs"):
        correlation_frame([certain(0)], features)


def certain(seed: int, *, rows: int = 200, position: int = 3) -> GaussianPredictions:
    """Return predictions that are the less certain the better the house, whatever its area."""
    rng = np.random.default_rng(seed)
    quality = rng.integers(1, 11, rows).astype(float)
    inputs = np.stack([quality, rng.normal(1500, 500, rows)], axis=1)
    std = 10_000 + 3000 * quality + rng.normal(0, 500, rows)
    return GaussianPredictions(position, seed, np.zeros(rows), std, np.zeros(rows), inputs)


def test_gaussian_predictions_are_in_the_units_of_the_source(run: Any) -> None:
    evidence = keep_gaussians(run(GAUSSIAN)).evidence
    found = list(gaussian_replicates(evidence.standing.rows, evidence))
    assert [(one.position, one.seed) for one in found] == [(p, seed) for p in (0, 1, 2) for seed in range(3)]
    np.testing.assert_allclose(found[0].mean[[0, -1]], [70.0, 230.0])
    np.testing.assert_allclose(found[0].inputs[0], 8.0)
