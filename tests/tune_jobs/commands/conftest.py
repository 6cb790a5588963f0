"""A study whose ledger is full without any training."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tune_jobs.commands.interface import Study
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import Manifest, write_manifest
from tune_jobs.standing.standing import stand
from tune_jobs.trial.data import data_id

STUDY = """\
title: Widths & <b>rates</b>
seeds: 4
base: {dataset: digits, network: mlp, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8]}
  - {title: Learning rate, name: rate, factor: learning_rate, levels: [0.001, 0.1]}
"""


@pytest.fixture
def filled(tmp_path: Path, ledger: Ledger, make_record: Callable[..., Record]) -> tuple[Path, Ledger]:
    """Return a study's file and its ledger, in which 4 units are worse by 5 points and one trial failed."""
    path = tmp_path / "widths.yaml"
    path.write_text(STUDY)
    study = Study.load(path, storage=ledger.storage.uri).definition
    prints = {data_id(study.config()): "data"}
    seeds = range(study.seeds)
    for trial in stand(study, ledger, seeds, prints).trials:
        config = trial.config
        made = make_record(seed=config.seed, epochs=trial.epochs)
        top = 90.0 + config.seed / 10 - (5 + config.seed / 2 if config.hidden_units == 4 else 0)
        record = dataclasses.replace(
            made,
            key=trial.key,
            study=study.name,
            validation_metric=(50.0, top),
            metric="accuracy",
            # Two classes: what predicts a single one has collapsed.
            validation_outputs=(np.eye(2, dtype="<f4")[[0, 1, 1]].tobytes(),),
            **_fields(trial),
        )
        if config.learning_rate == 0.1 and config.seed == 3:
            record = dataclasses.replace(record, outcome="failed", reason="it broke")
        ledger.write(record)
    write_manifest(ledger.storage, Manifest(study.name, {}, study.seeds, prints, declared=study.seeds))
    return path, ledger


def _fields(trial: object) -> dict[str, str]:
    from tune_jobs.ledger.record import encode_fields
    from tune_jobs.trial.key import trajectory

    return {"fields": encode_fields(trajectory(trial.config))}  # type: ignore[attr-defined]
