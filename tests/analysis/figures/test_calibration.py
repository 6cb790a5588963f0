"""Gaussian predictions and the coverage of their intervals."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.stats import norm

from analysis.figures.calibration import calibration_caption, calibration_figure, draw_coverage
from analysis.frames.gaussian_predictions import GaussianPredictions, coverage_frame, gaussian_predictions, spread_frame
from analysis.statistics.coverage import (
    LINKS,
    MINIMUM_VARIANCE,
    NOMINAL,
    coverage,
    coverage_band,
    gaussian,
    log_normal,
    z_scores,
)
from analysis.tables.tables import Line, TableView
from models import objectives
from tune_jobs.trial.config import TrialConfig

raws = st.lists(st.floats(-60, 60), min_size=1, max_size=20)


def view(*labels: str, default: int = 0) -> TableView:
    """Return a table of such levels, one the default."""
    lines = tuple(Line(number, (label,), number == default, planned=3) for number, label in enumerate(labels))
    return TableView("t", "Activation", ("Activation",), lines, "RMSE", "dollars", False, ())


def predictions(position: int, seed: int, *, factor: float = 1.0, rows: int = 400) -> GaussianPredictions:
    """Return predictions of which the deviations are so many times what they should be."""
    rng = np.random.default_rng([position, seed])
    std = np.exp(rng.normal(10, 0.4, rows))
    mean = rng.normal(180_000, 60_000, rows)
    return GaussianPredictions(
        position, seed, mean, factor * std, mean + std * rng.normal(size=rows), rng.normal(size=(rows, 2))
    )


@given(raws, st.sampled_from(LINKS), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_outputs_stand_for_what_the_formula_says(raw: list[float], link: str, centre: float, scale: float) -> None:
    outputs = np.stack([np.linspace(-2, 2, len(raw)), raw], axis=1)
    mean, std = gaussian(outputs, link, centre, scale)
    variance = np.exp(raw) if link == "exp" else np.log1p(np.exp(raw))
    np.testing.assert_allclose(mean, outputs[:, 0] * scale + centre)
    np.testing.assert_allclose(std, np.sqrt(variance + 1e-6) * scale, rtol=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_the_objective_has_the_same_variance(link: str) -> None:
    raw = np.linspace(-30, 30, 61)
    expected = objectives.gaussian_variance(torch.tensor(raw), link).sqrt().numpy()
    np.testing.assert_allclose(gaussian(np.stack([raw, raw], axis=1), link)[1], expected, rtol=1e-7)
    assert MINIMUM_VARIANCE == objectives.MINIMUM_VARIANCE


@pytest.mark.parametrize("link", LINKS)
def test_extreme_outputs_warn_of_nothing(link: str) -> None:
    _, std = gaussian([[0.0, -1e30], [0.0, 1200.0], [0.0, 1e30]], link)
    assert std[0] == pytest.approx(1e-3)
    assert np.all(np.diff(std) > 0)
    assert np.isfinite(std[1])


def test_what_is_no_gaussian_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 1\)"):
        gaussian([[1.0], [2.0]], "exp")
    with pytest.raises(ValueError, match="'log' is not one of exp, softplus"):
        gaussian([[1.0, 2.0]], "log")


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


def test_log_normal_moments_beyond_every_float_are_infinite_and_warn_of_nothing() -> None:
    mean, std = log_normal([0.0, 0.0, -1e5, 12.0], [1e200, 30.0, 30.0, 1e-4])
    assert np.isinf(mean[:2]).tolist() == [True, False]
    assert np.isinf(std[:2]).all()
    assert not np.isnan([*mean, *std]).any()
    assert std[3] == pytest.approx(1e-4 * np.exp(12.0), rel=1e-6)


def test_coverage_counts_what_lies_inside() -> None:
    found = coverage([0.0] * 4, [1.0] * 4, [0.0, 1.0, -1.9, 2.5], nominal=[0.5, 0.9, 0.95, 0.99])
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75, 1.0])


@given(st.integers(0, 2**32 - 1), st.floats(-1e5, 1e5), st.floats(1e-2, 1e5))
def test_calibrated_predictions_cover_what_they_should(seed: int, centre: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    std = scale * np.exp(rng.normal(0, 0.5, 4000))
    mean = centre + scale * rng.normal(size=4000)
    found = coverage(mean, std, mean + std * rng.normal(size=4000))
    low, high = coverage_band(4000, confidence=1 - 1e-6)
    assert np.all((low <= found) & (found <= high))
    assert np.all(np.diff(found) >= 0)


@given(st.integers(0, 1000), st.floats(1.01, 3))
def test_wider_intervals_cover_more(seed: int, factor: float) -> None:
    one, wider = predictions(0, seed), predictions(0, seed, factor=factor)
    assert np.all(coverage(wider.mean, wider.std, wider.targets) >= coverage(one.mean, one.std, one.targets))


def test_too_narrow_intervals_cover_too_little() -> None:
    one = predictions(0, 0, factor=0.5, rows=20_000)
    expected = 2 * norm.cdf(0.5 * norm.ppf(0.5 + NOMINAL / 2)) - 1
    np.testing.assert_allclose(coverage(one.mean, one.std, one.targets), expected, atol=0.02)


def test_an_infinite_deviation_covers_everything() -> None:
    assert coverage([0.0], [np.inf], [1e300]).tolist() == [1.0] * len(NOMINAL)


@pytest.mark.parametrize(
    ("mean", "std", "targets"), [([0.0], [0.0], [0.0]), ([np.nan], [1.0], [0.0]), ([0.0], [1.0], [np.inf])]
)
def test_what_has_no_z_score_is_refused(mean: list[float], std: list[float], targets: list[float]) -> None:
    with pytest.raises(ValueError, match="not finite, or a deviation is not above 0"):
        z_scores(mean, std, targets)


def test_arrays_and_levels_must_fit() -> None:
    with pytest.raises(ValueError, match=r"shapes \(2,\), \(1,\)"):
        z_scores([0.0, 1.0], [1.0], [0.0])
    with pytest.raises(ValueError, match="not all between 0 and 1"):
        coverage([0.0], [1.0], [0.0], nominal=[95])


def test_the_frames_have_a_line_for_each_replicate() -> None:
    many = [predictions(position, seed) for position in (0, 2) for seed in range(3)]
    frame, spreads = coverage_frame(many), spread_frame(many)
    assert len(frame) == 6 * len(NOMINAL)
    assert set(frame["n"]) == {400}
    assert spreads[["position", "seed"]].to_numpy().tolist() == [[p, s] for p in (0, 2) for s in range(3)]
    np.testing.assert_allclose(spreads["rmse"] / spreads["rms_std"], 1, atol=0.15)
    assert list(spreads) == ["position", "seed", "rms_std", "rmse"]
    assert coverage_frame([]).empty


def test_a_line_is_the_mean_of_its_replicates_in_percent() -> None:
    frame = coverage_frame([predictions(position, seed) for position in (0, 1) for seed in range(3)])
    ax = draw_coverage(Figure().subplots(), view("ReLU", "tanh", "not run"), frame)
    lines = {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    assert list(lines) == ["ReLU*", "tanh"]
    own = frame[frame["position"] == 1].groupby("nominal")["observed"].mean()
    np.testing.assert_allclose(lines["tanh"].get_ydata(), 100 * own)
    np.testing.assert_allclose(lines["tanh"].get_xdata(), 100 * NOMINAL)
    assert len(ax.collections) == 3, "the band of chance, and one for each level"
    assert "%" in ax.get_xlabel()
    assert "%" in ax.get_ylabel()


def test_the_figure_and_its_caption() -> None:
    many = [predictions(0, seed) for seed in range(2)] + [predictions(1, seed, factor=1e300) for seed in range(2)]
    table = view("ReLU", "a level with a name of so many words that it needs lines")
    frame = coverage_frame(many)
    figure = calibration_figure(table, frame)
    figure.draw_without_rendering()
    assert figure.legends[0].get_texts()[1].get_text().count("\n") > 0
    words = calibration_caption(table, frame, spread_frame(many))
    assert "400 targets" in words
    rmse = spread_frame(many[:2])["rmse"].mean()
    assert f"against {rmse:,.0f} dollars; a level" in words
    assert "more than 1e9 against" in words
    assert "replicates" not in calibration_caption(table, frame[frame["seed"] == 0], spread_frame([]))
