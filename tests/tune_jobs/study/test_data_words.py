"""What a study's data were taken as is said once, and the loss follows the task."""

from pathlib import Path

import pytest

from data_utils.registry import DATASETS
from tests.data_utils.public_tables import TABLES
from tune_jobs.commands.cli import main
from tune_jobs.study.data_words import data_in_words
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key


def study(folder: Path, text: str) -> Study:
    path = folder / "s.yaml"
    path.write_text(text if "tables" in text else f"{text}\ntables: [{{factor: hidden_units, levels: [4, 8]}}]\n")
    return load_study(str(path))


def write_table(folder: Path, name: str) -> str:
    """Write a public table; return the entry of a study that declares no more than it must."""
    table = TABLES[name]()
    (folder / f"{name}.csv").write_text(table.text, encoding="utf-8", newline="")
    return f'datasets: {{{name}: {{file: {name}.csv, target: "{table.target}"}}}}\nbase: {{dataset: {name}, epochs: 1}}'


@pytest.mark.parametrize("name", sorted(name for name, info in DATASETS.items() if info.task == "regression"))
def test_a_regression_that_names_no_loss_is_the_one_with_mse(name: str, tmp_path: Path) -> None:
    said, unsaid = (study(tmp_path, f"base: {{dataset: {name}{more}}}") for more in (", objective: mse", ""))
    keys = [[trial_key(row.config, "data") for row in expand(one) if row.config] for one in (said, unsaid)]
    assert keys[0] == keys[1]
    assert data_in_words(said, expand(said)) == []
    label = DATASETS[name].label
    assert data_in_words(unsaid, expand(unsaid)) == [
        f"{label}: objective is mse, as this is a regression; set it in base"
    ]


def test_classes_have_the_loss_that_they_had(tmp_path: Path) -> None:
    rows = expand(study(tmp_path, "base: {dataset: digits}"))
    assert {row.config and row.config.objective for row in rows} == {TrialConfig.objective} == {"cross_entropy"}
    crossed = study(tmp_path, "tables: [{cross: {dataset: [digits, diabetes], hidden_units: [4, 8]}}]")
    found = {(row.config.dataset, row.config.objective) for row in expand(crossed) if row.config}
    assert found == {("digits", "cross_entropy"), ("diabetes", "mse")}


def test_a_loss_set_in_a_table_or_with_set_is_not_said_again(tmp_path: Path) -> None:
    text = "base: {dataset: diabetes}\ntables: [{factor: epochs, levels: [1, 2], base: {objective: gaussian_nll}}]"
    in_table = study(tmp_path, text)
    assert data_in_words(in_table, expand(in_table)) == []
    (tmp_path / "s.yaml").write_text("base: {dataset: diabetes}\ntables: [{factor: objective, levels: [mse]}]")
    overridden = load_study(str(tmp_path / "s.yaml"), {"objective": "gaussian_nll"})
    assert data_in_words(overridden, expand(overridden)) == []


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_first_run_of_a_public_table_asks_for_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study(tmp_path, write_table(tmp_path, name))
    for command in (["run", "s.yaml", "--dry-run"], ["plan", "s.yaml", "--no-pilot"]):
        assert main(command) == 0
        lines = capsys.readouterr().out.splitlines()
        said = [line for line in lines if line.startswith(f"data: {name}: ")]
        assert said
        assert len(set(said)) == len(said)
        objective = f"data: {name}: objective is mse, as this is a regression; set it in base"
        assert (objective in said) == (TABLES[name]().task == "regression")
