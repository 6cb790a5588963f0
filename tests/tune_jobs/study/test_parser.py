"""Study files: the forms that are understood, and the one line that each mistake gets."""

from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study, shipped_studies
from tune_jobs.study.model import Study
from tune_jobs.study.yaml_reader import parse_scalar


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load_study(str(path))


def test_every_shipped_study_loads() -> None:
    names = shipped_studies()
    assert {"digits_demo", "martini_jamal_2026"} <= set(names)
    for name in names:
        loaded = load_study(name)
        assert loaded.name == name
        assert loaded.title
        assert loaded.reproduces
        assert loaded.tables or loaded.search


def test_levels_that_set_several_fields_carry_their_label(tmp_path: Path) -> None:
    loaded = study(
        tmp_path,
        """
base: {dataset: digits}
tables:
  - name: optimizer
    label: Optimizer (lr)
    base: {epochs: 7}
    levels:
      - {label: SGD (0.1), set: {optimizer: sgd, learning_rate: 0.1}, base: {epochs: 3}}
      - {set: {optimizer: adam}}
""",
    )
    table = loaded.tables[0]
    assert table.headings == ("Optimizer (lr)",)
    assert [level.labels for level in table.levels] == [("SGD (0.1)",), ("Adam",)]
    assert loaded.config(table.base, table.levels[0].base, table.levels[0].values).epochs == 3
    assert loaded.config(table.base, table.levels[1].base, table.levels[1].values).epochs == 7


def test_crossed_factors_less_the_excluded_cells(tmp_path: Path) -> None:
    loaded = study(
        tmp_path,
        """
tables:
  - cross: {hidden_layers: [1, 2], activation: [relu, tanh], batch_norm: [true, false]}
    exclude:
      - {hidden_layers: 2, activation: tanh}
""",
    )
    labels = [level.labels for level in loaded.tables[0].levels]
    assert len(labels) == 6
    assert labels[0] == ("1", "ReLU", "yes")
    assert ("2", "Tanh", "yes") not in labels
    assert loaded.tables[0].headings == ("Number of Layers", "Activation Function", "Batch norm")


def test_yaml_1_2_numbers(tmp_path: Path) -> None:
    loaded = study(tmp_path, "base: {learning_rate: 1e-3}\ntables: [{factor: epochs, levels: [1]}]")
    assert loaded.base["learning_rate"] == 0.001
    assert parse_scalar("1e-3") == 0.001
    assert parse_scalar("true") is True
    assert parse_scalar("relu") == "relu"
    assert parse_scalar("[1") == "[1"


T = "tables: [{factor: epochs, levels: [1]}]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: {dataset: digits", "is not valid YAML"),
        ("- a\n- b", "a study is a mapping"),
        ("just text", "a study is a mapping"),
        ("", "a study is a mapping"),
        (f"base: {{epochs: 2}}\n{T}base: {{epochs: 3}}\n", "line 3: is not valid YAML: found duplicate key"),
        (f"{T}tabels: []\n", "line 2: tabels: there is no key 'tabels'; did you mean tables?"),
        ("base:\n  learning_rat: 0.1\n" + T, "line 2: base.learning_rat: there is no field 'learning_rat'; did you"),
        ("base:\n  learning_rate: -1\n" + T, "line 2: base.learning_rate: -1 is out of bounds; give a number above 0"),
        ("base:\n  epochs: 0\n" + T, "base.epochs: 0 is out of bounds; give a whole number at least 1"),
        ("base:\n  dataset: mnits\n" + T, "did you mean mnist?"),
        ("base:\n  seed: 3\n" + T, "seed: cannot be set in a study"),
        ("tables: []\n", "tables: is an empty list"),
        ("tables:\n  - factor: epochs\n    levels: []\n", "line 3: tables[0].levels: is an empty list"),
        ("tables:\n  - factor: epochs\n    levels: [1, 2, 1]\n", "the label 1 repeats"),
        ("tables:\n  - factor: learning_rate\n    levels: [0.1, 1e-1]\n", "the label 0.1 repeats"),
        ("tables:\n  - factor: epochs\n    levels: [1, x]\n", "tables[0].levels[1]"),
        ("tables:\n  - factor: epoch\n    levels: [1]\n", "did you mean epochs?"),
        ("tables:\n  - factor: epochs\n", "lacks `levels`"),
        ("tables:\n  - levels: [1]\n", "needs the table's `factor`"),
        (
            "tables:\n  - factor: epochs\n    levels: [1]\n  - factor: epochs\n    levels: [2]\n",
            "table name epochs repeats",
        ),
        ("tables:\n  - cross: {epochs: [1, 1]}\n", "the level 1 repeats"),
        ("tables:\n  - cross: {epochs: [1]}\n    factor: epochs\n", "one of the two"),
        ("tables:\n  - cross: {epochs: [1]}\n    exclude: [{epochs: 1}]\n", "excludes every cell"),
        ("tables:\n  - cross: {epochs: [1]}\n    exclude: [{batch_size: 1}]\n", "there is no crossed factor"),
        ("tables:\n  - factor: epochs\n    levels: [1]\n    read: lst\n", "did you mean last?"),
        (
            "tables:\n  - factor: epochs\n    levels: [1]\n    name: a/b\n",
            "'a/b' is not a table name; use only letters, digits, _ and -",
        ),
        ("tables:\n  - factor: epochs\n    levels: [1]\n    name: final\n", "give another `name`"),
        ("tables:\n  - factor: [a]\n    levels: [1]\n", "tables[0].factor: must be text, not a list"),
        ("base: {<<: {epochs: 0}}\n" + T, "line 1: base.epochs: 0 is out of bounds"),
        ("seeds: 1000000000\n" + T, "1000000000 is not a whole number of at least 1 and at most 10000"),
        (
            f"tables:\n  - cross: {{epochs: {list(range(1, 201))}, hidden_units: {list(range(1, 201))}}}\n",
            "makes 40,000 cells, more than 10,000",
        ),
        ("tables:\n  - cross: {epochs: [1, 2]}\n    exclude: [{epochs: 3}]\n", "3 is not a level of epochs"),
        ("seeds:\n" + T, "seeds: has no value; give a whole number of at least 1"),
        ("base: {learning_rate: }\n" + T, "base.learning_rate: has no value; give a number above 0"),
        ("base: {optimizer: }\n" + T, "base.optimizer: has no value; give one of sgd, "),
        ("seeds: 0\n" + T, "seeds: 0 is not a whole number of at least 1"),
        ("resources: {cpus_per_trial: 0}\n" + T, "0 is not above 0"),
        ("resources: {gpus_per_trial: 1.5}\n" + T, "neither between 0 and 1 nor a whole number"),
        ("resources: {gpu: 1}\n" + T, "did you mean gpus_per_trial?"),
        ("base: {epochs: 2}\n", "declares no tables, stages, search or final configuration"),
        ("base: 3\n" + T, "base: must be a mapping"),
        ("base:\n" + T, "base: must be a mapping"),
    ],
)
def test_each_mistake_gets_one_line_that_says_where(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        study(tmp_path, text)
    assert words in str(caught.value)
    assert "s.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_that_does_not_exist() -> None:
    with pytest.raises(UserError, match="did you mean digits_demo"):
        load_study("digit_demo")
    with pytest.raises(UserError, match="there is no such study file"):
        load_study("nowhere/x.yaml")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"learning_rat": 0.1}, "--set learning_rat: there is no field"),
        ({"learning_rate": -1}, "--set learning_rate: -1 is out of bounds"),
        ({"seed": 1}, "--seeds N"),
    ],
)
def test_bad_overrides(overrides: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        load_study("digits_demo", overrides)
    assert words in str(caught.value)


def test_an_override_changes_the_base_and_gives_way_to_a_level() -> None:
    loaded = load_study("digits_demo", {"epochs": 3, "batch_size": 64})
    epochs = next(table for table in loaded.tables if table.name == "epochs")
    assert loaded.config().epochs == 3
    assert [loaded.config(epochs.base, level.values).epochs for level in epochs.levels] == [5, 20, 40]
    assert loaded.config(epochs.base, epochs.levels[0].values).batch_size == 64
