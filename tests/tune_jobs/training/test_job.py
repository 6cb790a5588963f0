"""Trials as plain values."""

import json

from tune_jobs.training.job import from_payload, payload
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial


def test_payload_is_plain_and_comes_back() -> None:
    config = TrialConfig(epochs=2, hidden_units=4, early_stopping_patience=3)
    wanted = Trial("key", config, 2, frozenset({2}))
    assert from_payload(json.loads(json.dumps(payload(wanted)))) == wanted
