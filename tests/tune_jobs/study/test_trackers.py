"""Which trackers a study or an option names, and what is wrong with one that is none."""

from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study
from tune_jobs.study.trackers import Tracker, chosen_trackers, refuse_places_here


def study_file(folder: Path, trackers: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(
        f"base: {{dataset: digits, epochs: 1}}\ntables: [{{factor: batch_size, levels: [32]}}]\n{trackers}\n"
    )
    return path


@pytest.mark.parametrize(
    "text",
    [
        "trackers: mlflow:mlruns",
        "trackers: [mlflow:mlruns]",
        "trackers:\n  - mlflow: mlruns",
        "trackers: {mlflow: mlruns}",
    ],
)
def test_a_study_names_trackers_in_several_ways(tmp_path: Path, text: str) -> None:
    assert load_study(str(study_file(tmp_path, text))).trackers == (Tracker("mlflow", "mlruns"),)


def test_an_option_takes_the_place_of_the_studys_trackers() -> None:
    declared = (Tracker("tensorboard"),)
    assert chosen_trackers(declared, None) == declared
    assert chosen_trackers(declared, "none") == ()
    two = chosen_trackers(declared, "mlflow:http://host:5000, wandb:team/project")
    assert two == (Tracker("mlflow", "http://host:5000"), Tracker("wandb", "team/project"))


WRONG = {
    "mlfow:x": "did you mean mlflow?",
    "mlflow": "mlflow does not say where to; give mlflow:FOLDER or mlflow:https://SERVER",
    "wandb:a/b/c": "'a/b/c' cannot be the name of a project",
    "tensorboard:x": "write tensorboard alone",
    "mlflow:https://me:hush@host": "do not put credentials into the address",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items())
def test_a_wrong_tracker_is_one_line_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        chosen_trackers((), text)
    assert str(caught.value).startswith("--tracker: ")
    assert words in str(caught.value)
    path = study_file(tmp_path, f'trackers:\n  - mlflow:ok\n  - "{text}"')
    with pytest.raises(UserError) as caught:
        load_study(str(path))
    assert f"{path}, line 5: trackers[1]: " in str(caught.value)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_tracker_is_named_once() -> None:
    with pytest.raises(UserError, match=r"^--tracker: wandb:x is given twice; give it once$"):
        chosen_trackers((), "wandb:x,wandb:x")


def test_a_cluster_takes_no_place_of_this_machine() -> None:
    refuse_places_here(chosen_trackers((), "mlflow:/shared/runs,mlflow:http://host,wandb:x,tensorboard"))
    for here in ("mlflow:runs", "wandb-offline:x"):
        with pytest.raises(UserError, match="would stay in the job's folder on the cluster"):
            refuse_places_here(chosen_trackers((), here))


def test_a_missing_client_is_one_line_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tune_jobs.trackers.tracking.find_spec", lambda name: None)
    path = study_file(tmp_path, "trackers: [wandb:x]")
    assert main(["run", str(path), "--storage", str(tmp_path / "results")]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"ablatune: {path}, line 3: wandb:x needs wandb, which is not installed; run `pip install 'ablatune[wandb]'`\n"
    )
    assert not (tmp_path / "results").exists()
