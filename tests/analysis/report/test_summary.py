"""What was run, warnings, and what did not go as planned."""

from dataclasses import replace
from typing import Any

from analysis.report.summary import facts, not_as_planned, settings, warnings
from tune_jobs.ledger.ledger import Contents
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Small
base: {dataset: digits, network: cnn, hidden_units: 4, epochs: 2, padding: 0, pooling: false}
tables:
  - title: Width
    factor: hidden_units
    levels: [2, 4, 8]
  - title: Grid
    name: grid
    cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}
final: {learning_rate: 0.01}
"""


def test_the_facts_are_those_of_the_records(run: Any, fate: Any) -> None:
    ran = run(STUDY, fates=lambda config: fate("missing" if config.hidden_units == 8 else "completed"))
    found = facts(ran.evidence, variant="")
    values = {fact.name: fact.value for fact in found}
    assert "Variant" not in values
    assert values["Replicates"] == "3 (seeds 0, 1, 2)"
    assert values["Trials"] == "12 of 15, read as 18 replicates of 6 rows"
    assert values["Data"] == f"digits, fingerprint {'f' * 16}"
    assert values["Ledger"] == ran.ledger.storage.uri
    assert values["Trained"].startswith("2026-01-23 12:00 to 2026-01-23 12:02 UTC")
    assert values["Packages"] == "python 3.11.2, torch 2.13.0"
    assert values["Hosts"] == "node-1"


def test_missing_trials_other_machines_and_disagreements_are_warned_of(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        if config.hidden_units == 8 and config.seed == 1:
            return fate("missing")
        return fate(changes={"machine_kind": "cuda/H200"} if config.seed == 2 else {})

    ran = run(STUDY, fates=fates)
    doubtful = ran.trials["key"][0]
    contents = Contents(ran.contents.records, [doubtful, "of another study"])
    found = warnings(replace(ran.evidence, standing=replace(ran.standing, contents=contents)))
    assert len(found) == 3
    assert found[0].startswith("1 of 15 trials have not been run to the end")
    assert f"(hidden_units, 2, seed 0; key {doubtful})" in found[1]
    assert "2 kinds of machine (cpu/x86_64/AVX2/torch 2.13.0/1 threads; cuda/H200)" in found[2]


def test_nothing_to_warn_of(run: Any) -> None:
    ran = run(STUDY)
    assert warnings(ran.evidence) == []


def test_nothing_that_went_wrong_is_left_out(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        if config.hidden_units == 2:
            return fate("diverged", 1, "not finite") if config.seed else fate("failed", 0, "no memory")
        return fate("missing" if config.hidden_units == 8 and config.seed < 2 else "completed")

    ran = run(STUDY, fates=fates)
    found = not_as_planned([ran.view("hidden_units"), ran.view("grid")], ran.trials)
    assert found[:3] == [
        ("Width", "2", "diverged, seeds 1, 2: not finite"),
        ("Width", "2", "failed, seed 0: no memory"),
        ("Width", "8", "not run yet, seeds 0, 1"),
    ]
    assert [(table, level) for table, level, _ in found[3:]] == [("Grid", "4, 3"), ("Grid", "4, 5")]
    assert found[3][2].startswith("cannot be built: ")


def test_settings_are_what_a_configuration_trains_with(run: Any) -> None:
    config = TrialConfig(early_stopping_patience=5, batch_size=16)
    found = {fact.name: fact.value for fact in settings(config, run(STUDY).study)}
    assert found["Batch Size"] == "16 samples"
    assert found["Number of Epochs"] == "10 epochs"
    assert found["Early stopping"] == "5 epochs"
    assert found["Optimizer"] == "Adam"
    assert "Kernel size" not in found, "an MLP has none"
    assert "Seed" not in found
