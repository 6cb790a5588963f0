"""A tiny study, and records that were never trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tune_jobs.searches import decided, make_study, record_of, simulation  # noqa: F401 - fixtures
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory, trial_key

TINY_STUDY = """\
title: Tiny
seeds: 2
base:
  dataset: digits
  network: mlp
  hidden_units: 8
  epochs: 2
tables:
  - factor: hidden_units
    levels: [4, 8]
  - factor: epochs
    levels: [1, 2, 3]
"""


@pytest.fixture
def tiny_study(tmp_path: Path) -> Path:
    """Return the file of a study with three distinct trials a seed."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY_STUDY)
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return a new ledger."""
    return Ledger.open(Storage.at(str(tmp_path / "results")), create=True)


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Return a function that makes a record of so many epochs, measured at some of them."""

    def make(*, seed: int = 0, epochs: int = 3, measured: tuple[int, ...] | None = None, **changes: Any) -> Record:
        config = TrialConfig(seed=seed, epochs=max(epochs, 1))
        measured = (epochs,) if measured is None else measured
        curve = np.random.default_rng(seed).random(epochs) + 0.5
        values: dict[str, Any] = {
            "key": trial_key(config, "data"),
            "fields": encode_fields(trajectory(config)),
            "dataset": "digits",
            "fingerprint": "data",
            "engine_version": 1,
            "seed": seed,
            "outcome": "completed",
            "epochs": epochs,
            "metric": "accuracy",
            "target_unit": "",
            "outputs": 2,
            "train_loss": tuple(curve),
            "train_metric": tuple(curve),
            "validation_loss": tuple(curve),
            "validation_metric": tuple(curve),
            "learning_rate": (0.001,) * epochs,
            "train_seconds": tuple(np.arange(1.0, epochs + 1)),
            "measured_epochs": measured,
            "measured_train_loss": tuple(float(e) for e in measured),
            "measured_train_metric": tuple(float(e) for e in measured),
            "validation_outputs": tuple(np.full((3, 2), e, "<f4").tobytes() for e in measured),
            "machine_kind": "cpu/test",
            "execution_mode": "single",
        }
        return Record(**{**values, **changes})

    return make
