"""Staged tuning: what each stage settles on, as a function of the records alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.commands import run
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.study.load import load_study
from tune_jobs.study.model import FRESH_PATH, PATH, Study
from tune_jobs.study.resources import Resources
from tune_jobs.study.rows import FIRST_FRESH_SEED, datasets_read, expand, replicate, row_seeds
from tune_jobs.training.run_options import RunOptions
from tune_jobs.training.settings import Settings

STUDY = """\
seeds: 2
fresh_seeds: 3
base: {dataset: digits, network: linear, epochs: 1}
stages:
  - {name: longer, title: Longer, factor: epochs, levels: [1, 2]}
  - name: network
    title: Network
    cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}
    base: {network: cnn, hidden_units: 2, padding: 0, pooling: false}
  - {name: rate, title: Rate, factor: learning_rate, levels: [0.001, 0.01]}
"""
FINGERPRINTS = {"digits": "data"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "staged.yaml"
    path.write_text(STUDY)
    return load_study(str(path))


@pytest.fixture
def train(ledger: Ledger, make_record: Callable[..., Record]) -> Callable[..., Standing]:
    """Return a function that gives every known trial that has no record the metric that a function says."""

    def run(study: Study, metric: Callable[[Any], float | None], seeds: int = 2) -> Standing:
        standing = stand(study, ledger, range(seeds), FINGERPRINTS)
        for trial in standing.trials:
            value = metric(trial.config)
            if trial.key in standing.contents.records or value is None:
                continue
            curve = tuple(value + epoch for epoch in range(trial.epochs))
            measured = tuple(range(1, trial.epochs + 1))
            ledger.write(
                make_record(
                    key=trial.key,
                    seed=trial.config.seed,
                    epochs=trial.epochs,
                    measured=measured,
                    validation_metric=curve,
                    outcome="diverged" if value != value else "completed",
                )
            )
        return stand(study, ledger, range(seeds), FINGERPRINTS)

    return run


def test_each_stage_starts_from_the_best_of_the_one_before(study: Study, train: Any) -> None:
    first = train(study, lambda config: 50.0)
    assert [(choice.stage, choice.labels) for choice in first.choices] == [("longer", ("2",))]
    assert {row.config.epochs for row in first.rows if row.table == "network" and row.config} == {2}
    second = train(study, lambda config: 60.0 + (config.kernel_size == 5))
    assert second.choices[1].labels == ("1", "5")
    assert second.choices[1].fields["network"] == "cnn"
    assert [row.labels for row in second.rows if row.table == "network" and row.config is None] == [
        ("4", "3"),
        ("4", "5"),
    ], "cells that cannot be built are rows with a reason"
    third = train(study, lambda config: 70.0 + config.learning_rate)
    assert [choice.labels for choice in third.choices] == [("2",), ("1", "5"), ("0.01",)]
    assert [row.labels for row in third.rows if row.table == FRESH_PATH] == [
        ("Start",),
        ("Longer",),
        ("Network",),
        ("Rate",),
    ]


def test_a_stage_without_a_better_level_keeps_what_it_started_from(study: Study, train: Any) -> None:
    train(study, lambda config: 50.0)
    settled = train(study, lambda config: 50.0 if config.network == "linear" else 40.0)
    assert settled.choices[1].labels == ()
    assert settled.choices[1].fields == {}


def test_a_stage_waits_for_every_replicate(study: Study, train: Any) -> None:
    assert not train(study, lambda config: None if config.seed == 1 else 50.0).choices


def test_a_level_of_which_a_replicate_diverged_never_wins(study: Study, train: Any) -> None:
    train(study, lambda config: 50.0)

    def metric(config: Any) -> float:
        if config.kernel_size == 5 and config.network == "cnn":
            return float("nan") if config.seed else 99.0
        return 60.0

    assert train(study, metric).choices[1].labels == ("1", "3")


def test_fresh_replicates_choose_nothing(study: Study, train: Any) -> None:
    standing = train(study, lambda config: 50.0 + (config.seed >= FIRST_FRESH_SEED) * (10 if config.epochs == 1 else 0))
    assert standing.choices[0].labels == ("2",)
    fresh = [row for row in standing.rows if row.table == FRESH_PATH]
    assert all(row_seeds(row, range(2)) == tuple(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + 3)) for row in fresh)
    assert all(row.seeds is None for row in standing.rows if row.table == PATH)


def test_fresh_replicates_have_validation_rows_that_chose_nothing(study: Study) -> None:
    fresh = [row for row in expand(study) if row.table == FRESH_PATH]
    assert {replicate(row, FIRST_FRESH_SEED + 1).split_seed for row in fresh} == {FIRST_FRESH_SEED + 1}
    assert {replicate(row, 1).split_seed for row in expand(study) if row.table != FRESH_PATH} == {0}


def test_an_empty_ledger_knows_the_first_stage_only(study: Study) -> None:
    standing = stand(study, None, range(2), FINGERPRINTS)
    assert {row.table for row in standing.rows} == {"longer", PATH, FRESH_PATH}
    assert standing.choices == []
    assert set(datasets_read(expand(study), range(2))) == {"digits"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STUDY.replace("learning_rate, levels: [0.001, 0.01]", "dataset, levels: [digits]"), "dataset cannot change"),
        (STUDY.replace("seeds: 2\nfresh", "fresh").replace("name: rate", "name: path"), "give another `name`"),
        (STUDY.replace("name: rate", "name: longer"), "line 10: stages[2]: the table name longer repeats"),
        ("fresh_seeds: 2\ntables: [{factor: epochs, levels: [1]}]", "goes with `stages` only"),
        (STUDY.replace("title: Rate", "title: Rate, read: best"), "read"),
        (
            STUDY.replace("levels: [1, 2]", "levels: [1, {value: 2, read: best}]"),
            "stages[0].levels[1].read: the levels of a stage are compared at the same epoch",
        ),
    ],
)
def test_mistakes_in_stages_get_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_study(str(path))
    assert words in str(caught.value)


def test_a_failure_in_an_early_stage_is_in_the_exit_code(
    study: Study, train: Any, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [1]

    def train_trials(*arguments: Any, **more: Any) -> int:
        train(study, lambda config: 50.0 + config.learning_rate)
        return codes.pop() if codes else 0

    monkeypatch.setattr(run, "train_trials", train_trials)
    monkeypatch.setattr(run, "data_fingerprints", lambda *arguments, **more: FINGERPRINTS)
    options = Settings(ledger.storage.uri, tmp_path, 2, Resources(), RunOptions())
    assert run.run_study(study, options, say=lambda line: None) == 1
    assert codes == []
