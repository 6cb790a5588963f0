"""Timing a shape, in this process."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data_utils import load_trial_data
from tune_jobs.forecast import pilot_timing
from tune_jobs.forecast.estimate import Pilot
from tune_jobs.forecast.pilot_timing import cut, time_shape
from tune_jobs.training.job import Job
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

DATA = load_trial_data("digits", data_dir=Path("unused"))
JOB = Job("study", "", TrialConfig(), 0.0, False, None, "1.0", "ablatune plan study")


def trial(**fields: object) -> Trial:
    config = TrialConfig(**{"epochs": 2, "hidden_units": 4, **fields})
    return Trial(trial_key(config, DATA.fingerprint), config, config.epochs, frozenset({config.epochs}))


def timed(wanted: Trial, seconds: float = 0.2) -> Pilot:
    found = time_shape("a", wanted, DATA, JOB, seconds)
    assert isinstance(found, Pilot), found
    return found


def test_whole_epochs_are_timed_where_they_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = timed(trial(batch_size=256), 2.0)
    assert found.share == 1.0
    assert len(found.epoch_seconds) >= 2, "one short epoch tells little"
    assert min(found.epoch_seconds) > 0
    assert found.measure_seconds >= 0
    # Logits of 360 rows and 10 classes take 14,400 bytes before compression.
    assert 5_000 < found.measure_bytes < 16_000
    assert found.record_bytes > 1000
    assert found.log_bytes > 0
    assert found.model_bytes > 4 * (64 * 4 + 4 * 10)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_slow_shape_is_timed_over_a_part_and_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = trial(network="cnn", hidden_units=32, hidden_layers=2, batch_size=4)
    # Few epochs are enough to compare with, and they are whole.
    monkeypatch.setattr(pilot_timing, "_MOST_EPOCHS", 2)
    whole = timed(wanted, 30.0)
    monkeypatch.setattr(pilot_timing, "_EPOCH_SECONDS", 0.05)
    part = timed(wanted, 0.02)
    assert part.share < 0.5
    assert whole.share == 1.0
    ratio = np.mean(part.epoch_seconds) / np.mean(whole.epoch_seconds)
    assert 0.2 < ratio < 5, "the scaled time is of the order of the whole one's"


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "one_cycle", "epochs": 1},
        {"early_stopping_patience": 1},
        {"batch_size": 1077},
        {"learning_rate": 1e30, "optimizer": "sgd"},
    ],
)
def test_any_trial_can_be_a_pilot(fields: dict[str, object]) -> None:
    assert timed(trial(**fields), 0.05).epoch_seconds


def test_what_raises_is_said_in_a_line() -> None:
    broken = dataclasses.replace(DATA, train_inputs=DATA.train_inputs[:, :, :4])
    found = time_shape("a", trial(), broken, JOB, 0.1)
    assert isinstance(found, str)
    assert found
    assert "\n" not in found


def test_cutting_keeps_whole_batches_and_enough_to_validate() -> None:
    part = cut(DATA, TrialConfig(batch_size=32), 2)
    assert len(part.train_inputs) == len(part.train_targets) == 64
    assert len(part.validation_inputs) == len(part.validation_targets) == 32
    whole = cut(DATA, TrialConfig(batch_size=32), 1000)
    assert len(whole.train_inputs) == len(DATA.train_inputs)
    assert len(whole.validation_inputs) == len(DATA.validation_inputs)
