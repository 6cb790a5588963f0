"""From studies to rows and distinct trials."""

from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.expansion import datasets_read, differences, expand, required_trials, row_trial
from tune_jobs.study import Study, load_study


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load_study(str(path))


def test_the_published_study_shares_its_default_row_over_all_tables() -> None:
    study = load_study("martini_jamal_2026")
    rows = [row for row in expand(study) if row.config is not None and row.config.dataset == "usps"]
    assert len([row for row in rows if row.table != "final_usps"]) == 28
    defaults = [row for row in rows if row.is_default]
    assert len(defaults) == 8
    assert len({row.config for row in defaults}) == 1
    trials = required_trials(rows, range(3), {"usps": "x"})
    assert len(trials) == 3 * 19
    longest = max(trials, key=lambda trial: trial.epochs)
    assert (longest.epochs, longest.measure_at) == (100, {10, 30, 50, 100})


def test_rows_that_differ_in_epochs_alone_are_one_trial(tiny_study: Path) -> None:
    trials = required_trials(expand(load_study(str(tiny_study))), range(2), {"digits": "x"})
    assert len(trials) == 2 * 2
    assert sorted((t.epochs, t.measure_at) for t in trials if t.config.hidden_units == 8) == [(3, {1, 2, 3})] * 2


def test_epochs_are_trials_of_their_own_under_cosine(tmp_path: Path) -> None:
    text = "base: {schedule: cosine, epochs: 2}\ntables: [{factor: epochs, levels: [1, 2, 3]}]"
    assert len(required_trials(expand(study(tmp_path, text)), [0], {"digits": "x"})) == 3


def test_early_stopping_is_run_apart_and_read_from_the_same_trajectory(tmp_path: Path) -> None:
    text = "tables: [{factor: early_stopping_patience, levels: [0, 2]}]"
    trials = required_trials(expand(study(tmp_path, text)), [0], {"digits": "x"})
    assert len(trials) == 2
    assert len({trial.key for trial in trials}) == 1


def test_a_cell_that_cannot_be_built_is_a_row_with_its_reason(tmp_path: Path) -> None:
    text = """
base: {network: cnn, padding: 0, pooling: false}
tables: [{cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}}]
"""
    rows = expand(study(tmp_path, text))
    unbuildable = [row for row in rows if row.config is None]
    assert [row.labels for row in unbuildable] == [("4", "3"), ("4", "5")]
    assert "too small for kernel_size 3 with padding 0" in unbuildable[0].reason
    assert len(required_trials(rows, [0], {"digits": "x"})) == 2
    with pytest.raises(ValueError, match="too small"):
        row_trial(unbuildable[0], 0, {"digits": "x"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "base: {network: cnn, padding: 0, pooling: false}\ntables: [{factor: hidden_layers, levels: [1, 4]}]",
            "tables.hidden_layers, level 4: hidden_layers: layer 4 of 4 gets images of 2x2 pixels",
        ),
        ("tables: [{factor: batch_size, levels: [32, 5000]}]", "batch_size: 5000 is more than the 1077 training rows"),
        ("base: {dataset: diabetes}\ntables: [{factor: epochs, levels: [1]}]", "is not for regression"),
        ("final: {batch_size: 5000}", "final: batch_size: 5000"),
    ],
)
def test_a_single_factor_that_cannot_be_trained_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        expand(study(tmp_path, text))
    assert words in str(caught.value)


def test_a_row_with_a_base_of_its_own_is_not_the_default(tmp_path: Path) -> None:
    text = """
tables:
  - name: t
    levels:
      - {label: a, set: {learning_rate: 0.001}}
      - {label: b, set: {learning_rate: 0.001}, base: {batch_size: 16}}
"""
    assert [row.is_default for row in expand(study(tmp_path, text))] == [True, False]


def test_datasets_and_differences(tmp_path: Path) -> None:
    text = "base: {dataset: toy}\ntables: [{factor: toy_problem, levels: [xor, moons]}]\nfinal: {epochs: 20}"
    loaded = study(tmp_path, text)
    rows = expand(loaded)
    assert set(datasets_read(rows, [0])) == {"toy(xor)", "toy(moons)"}
    assert rows[1].config is not None
    assert rows[2].config is not None
    assert differences(rows[1].config, loaded.config()) == "toy_problem=moons"
    assert differences(rows[2].config, loaded.config()) == "epochs=20"
    assert differences(loaded.config(), loaded.config()) == "default"
