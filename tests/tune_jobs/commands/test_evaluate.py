"""Opening a sealed test set: once, for what is declared and what validation chose, and never unnoticed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import fs

from data_utils import load_test_data
from tests.tune_jobs.commands.test_run import ablatune
from tune_jobs.commands import evaluate
from tune_jobs.commands.candidates import find_candidates
from tune_jobs.commands.evaluate import evaluate_study
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.ledger.test_openings import Opening, Reached, read_openings, write_opening
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.resources import Resources
from tune_jobs.training import trainable
from tune_jobs.training.data import load_data
from tune_jobs.training.job import Job
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.run_options import EvaluateOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.data import data_slot

STUDY = """\
seeds: 2
base: {dataset: digits, network: mlp, hidden_units: 4, learning_rate: 0.01, epochs: 2}
tables:
  - factor: hidden_units
    levels: [4, 16]
  - name: houses
    factor: epochs
    levels: [1, 2]
    splits: outer
    base: {dataset: diabetes, objective: mse}
final:
  - {name: mine, set: {hidden_units: 4}}
  - {name: regression, set: {dataset: diabetes, objective: mse}, splits: outer}
"""


def study(tmp_path: Path, text: str = STUDY) -> Study:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return load_study(str(path))


def settings(tmp_path: Path, *, storage: str = "", again: bool = False) -> Settings[EvaluateOptions]:
    return Settings(storage or str(tmp_path / "r"), tmp_path, 2, Resources(), EvaluateOptions(again=again))


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in this process what a run would train in workers."""

    def train(run: RunContext, trials: Any, *, keep_models: bool) -> int:
        study, storage = run.study, run.ledger.storage.uri
        data = load_data([trial.config for trial in trials], run.settings.data_dir, run.study.own.code)
        job = Job(study.name, storage, study.config(), 0.0, False, None, "1", "", keep_models)
        for trial in trials:
            run_trial(trial, data[data_slot(trial.config)], job)
        return 0

    monkeypatch.setattr(evaluate, "train_trials", train)


def standing(study: Study, ledger: Ledger, tmp_path: Path) -> Standing:
    fingerprints = data_fingerprints(study, range(2), tmp_path, download=False)
    return stand(study, ledger, range(2), fingerprints)


def run(study: Study, tmp_path: Path) -> Ledger:
    """Run a study in this process."""
    ledger = Ledger.open(Storage.at(str(tmp_path / "r")), create=True)
    trials = standing(study, ledger, tmp_path).trials
    evaluate.train_trials(RunContext(study, ledger, settings(tmp_path)), trials, keep_models=False)
    return ledger


@pytest.mark.usefixtures("without_ray")
def test_the_declared_and_the_chosen_configuration_are_tested_over_all_replicates(tmp_path: Path) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)
    before = {key: record.validation_metric for key, record in ledger.read().records.items()}
    done = evaluate_study(own, settings(tmp_path))
    assert done.code == 0
    assert done.opening is not None
    assert [(one.final, one.roles, one.label) for one in done.opening.tested] == [
        ("mine", ("declared",), "Final configuration"),
        ("mine", ("chosen",), "hidden_units, 16"),
        ("regression", ("declared", "chosen"), "Final configuration"),
    ]
    assert all(len(one.metrics) == len(one.losses) == 2 for one in done.opening.tested)
    assert done.opening.tested[1].fields["hidden_units"] == 16
    assert len(set(done.opening.test_sets.values())) == 3, "the digits', and one for each outer split"
    assert read_openings(ledger.storage) == [done.opening]
    after = ledger.read()
    assert not after.disagreements, "trained again to be kept, the trials are the same bits"
    assert {key: record.validation_metric for key, record in after.records.items()} == before


@pytest.mark.usefixtures("without_ray")
def test_the_best_model_is_kept_and_predicts_the_test_set_as_it_was_scored(tmp_path: Path) -> None:
    own = study(tmp_path)
    run(own, tmp_path)
    done = evaluate_study(own, settings(tmp_path))
    assert done.opening is not None
    model = load_model(done.models["mine"])
    test = load_test_data("digits", data_dir=tmp_path)
    raw = test.inputs * model.input_scale + model.input_offset
    accuracy = 100 * float(np.mean(model.predict(raw) == test.targets))
    assert any(accuracy == pytest.approx(metric) for metric in done.opening.tested[1].metrics)
    assert model.config["hidden_units"] == 16


@pytest.mark.usefixtures("without_ray")
def test_a_second_opening_must_be_asked_for_and_both_are_counted(tmp_path: Path) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)
    first = evaluate_study(own, settings(tmp_path)).opening
    with pytest.raises(UserError, match=r"has opened the test set of .* once, .*--again opens it once more"):
        evaluate_study(own, settings(tmp_path))
    second = evaluate_study(own, settings(tmp_path, again=True)).opening
    assert first is not None
    assert second is not None
    assert [one.metrics for one in first.tested] == [one.metrics for one in second.tested]
    assert len(read_openings(ledger.storage)) == 2


@pytest.mark.usefixtures("without_ray")
def test_an_opening_that_was_cut_off_is_written_down_and_finished_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)

    def cut(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "find_test_data", cut)
        with pytest.raises(KeyboardInterrupt):
            evaluate_study(own, settings(tmp_path))
    (left,) = read_openings(ledger.storage)
    assert not left.finished
    done = evaluate_study(own, settings(tmp_path)).opening
    assert done is not None
    assert done.id == left.id
    assert [one.finished for one in read_openings(ledger.storage)] == [True]


@pytest.mark.usefixtures("without_ray")
def test_a_study_that_was_not_run_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)
    ledger.remove([next(iter(ledger.read().records))])
    monkeypatch.setattr(evaluate, "find_test_data", None)
    with pytest.raises(UserError, match="1 of 6 trials is missing"):
        evaluate_study(own, settings(tmp_path))
    assert read_openings(ledger.storage) == []
    with pytest.raises(UserError, match="opens no test set"):
        evaluate_study(dataclasses.replace(own, fraction=0.5), settings(tmp_path))


@pytest.mark.usefixtures("without_ray")
def test_a_trial_that_ends_otherwise_when_it_is_kept_is_named_and_nothing_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)
    monkeypatch.setattr(evaluate, "train_trials", lambda *arguments, **more: 0)
    with pytest.raises(UserError, match=r"re-training to save the model ended as completed .*no test set was opened"):
        evaluate_study(own, settings(tmp_path))
    assert read_openings(ledger.storage) == []


@pytest.mark.usefixtures("without_ray")
def test_an_opening_by_another_call_while_this_one_trained_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = study(tmp_path)
    ledger = run(own, tmp_path)
    train = evaluate.train_trials

    def open_beside(*arguments: Any, **more: Any) -> int:
        code = train(*arguments, **more)
        monkeypatch.setattr(evaluate, "train_trials", train)
        evaluate_study(own, settings(tmp_path))
        return code

    monkeypatch.setattr(evaluate, "train_trials", open_beside)
    with pytest.raises(UserError, match="has opened the test set"):
        evaluate_study(own, settings(tmp_path))
    assert len(read_openings(ledger.storage)) == 1


class Bucket(Storage):
    """A store whose paths do not begin with a slash, and that knows no folders."""

    def write(self, content: bytes, *parts: str) -> None:
        self.filesystem.create_dir(str(Path(self.path(*parts)).parent))
        super().write(content, *parts)


@pytest.mark.usefixtures("without_ray")
def test_a_storage_whose_paths_begin_at_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    place = Bucket("s3://bucket/prefix?region=x", filesystem, "bucket/prefix")
    at = Storage.at

    def stored_at(uri: str) -> Storage:
        if uri.startswith("s3://bucket/prefix/models/"):
            return Bucket(uri, filesystem, uri.removeprefix("s3://").partition("?")[0])
        return place if uri.startswith("s3:") else at(uri)

    monkeypatch.setattr(Storage, "at", stored_at)
    own = study(tmp_path, STUDY.replace("  - {name: regression", "  # - {name: regression"))
    remote = settings(tmp_path, storage="s3://bucket/prefix?region=x")
    ledger = Ledger.open(place, create=True)
    trials = standing(own, ledger, tmp_path).trials
    monkeypatch.setattr(trainable.Storage, "at", stored_at)
    evaluate.train_trials(RunContext(own, ledger, remote), trials, keep_models=False)
    done = evaluate_study(own, remote)
    assert done.opening is not None
    assert done.opening.finished
    assert done.models["mine"] == "s3://bucket/prefix/models/own/mine.safetensors?region=x"
    assert (tmp_path / "bucket" / "prefix" / "models" / "own" / "mine.safetensors").exists()


def test_without_a_final_configuration_the_best_row_stands_alone(tmp_path: Path, without_ray: None) -> None:
    own = study(tmp_path, STUDY.partition("final:")[0])
    ledger = run(own, tmp_path)
    known = standing(own, ledger, tmp_path)
    assert len(known.fingerprints) == 3
    (found,) = find_candidates(known)
    assert found.roles == ("chosen",)
    assert found.label == "hidden_units, 16"


def test_openings_come_back_and_torn_ones_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage.at(str(tmp_path))
    tested = Reached("final", ("declared",), "x", {"epochs": 2}, ("usps",), (0,), ("k",), (2,), "accuracy", "%")
    opening = Opening("a1", "study", "", "2026-01-02T03:04:05+00:00", "ablatune evaluate study", [tested])
    write_opening(storage, opening)
    assert read_openings(storage) == [opening]
    assert not opening.finished
    storage.write(json.dumps({"id": 3}).encode(), "openings", "b.json")
    with pytest.raises(UserError, match=r"b\.json: the record of this opening of a test set is corrupt or incomplete"):
        read_openings(storage)
    assert read_openings(storage, strict=False) == [opening], "a report goes on"
    assert "b.json: the record of this opening of a test set is corrupt or incomplete" in caplog.text


def test_a_missing_model_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such model file"):
        load_model(str(tmp_path / "none.safetensors"))
    (tmp_path / "odd.safetensors").write_bytes(b"odd")
    with pytest.raises(UserError, match=r"odd\.safetensors: is no model file"):
        load_model(str(tmp_path / "odd.safetensors"))


@pytest.mark.long
def test_evaluate_as_a_user_starts_it(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STUDY.partition("  - name: houses")[0] + "final: {hidden_units: 4}\n")
    assert "there is no ledger" in ablatune("evaluate", "s.yaml", "--storage", "r", cwd=tmp_path, expect=2)
    ablatune("run", "s.yaml", "--storage", "r", cwd=tmp_path)
    said = ablatune("evaluate", "s.yaml", "--storage", "r", cwd=tmp_path)
    assert "opening the test set of digits" in said
    assert "final, declared (Final configuration): test accuracy" in said
    assert "final, chosen by validation (hidden_units, 16): test accuracy" in said
    assert "--again" in ablatune("evaluate", "s.yaml", "--storage", "r", cwd=tmp_path, expect=2)
    ablatune("evaluate", "s.yaml", "--storage", "r", "--again", cwd=tmp_path)
    ablatune("report", "s.yaml", "--storage", "r", "--output", "out", cwd=tmp_path)
    text = (tmp_path / "out" / "report.md").read_text()
    assert "were opened twice by this study" in text
    assert "On the sealed test set" in text
