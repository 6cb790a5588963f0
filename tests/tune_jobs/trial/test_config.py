"""Configurations: which values are refused, and in what words."""

import subprocess
import sys

import pytest

from data_utils.registry import DATASETS
from models.networks import NETWORKS
from models.registry import OBJECTIVES, OPTIMIZERS, SCHEDULES
from tune_jobs.errors import ConfigError
from tune_jobs.trial.config import FIELDS, TrialConfig


def test_every_field_is_declared_with_label_and_help() -> None:
    assert len(FIELDS) > 20
    for name, spec in FIELDS.items():
        assert spec.label, name
        assert spec.help.endswith("."), name
        assert spec.check(name, getattr(TrialConfig(), name)) == getattr(TrialConfig(), name)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("learning_rate", -0.1, "-0.1 is out of bounds; give a number above 0"),
        ("learning_rate", "fast", "'fast' is not a number above 0"),
        ("learning_rate", float("nan"), "nan is not a number above 0"),
        ("epochs", 0, "0 is out of bounds; give a whole number at least 1"),
        ("epochs", 2.5, "2.5 is not a whole number"),
        ("epochs", True, "True is not a whole number"),
        ("batch_norm", 1, "1 is not true or false"),
        ("dataset", "uspz", "did you mean usps?"),
        ("optimizer", "adm", "did you mean adam?"),
        ("activation", "rleu", "did you mean relu?"),
        ("activation", ["relu"], "there is no activation"),
        ("padding", "valid", "or same"),
        ("padding", -1, "-1 is out of bounds; give a whole number at least 0 and at most 1000 or same"),
        ("hidden_units", 10**6, "1e+06 is out of bounds"),
        ("split_seed", 10**400, "is not a whole number at least 0"),
    ],
)
def test_bad_value_is_refused_with_field_rule_and_value(field: str, value: object, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrialConfig(**{field: value})
    assert str(caught.value).startswith(f"{field}: ")
    assert words in str(caught.value)


def test_replace_refuses_an_unknown_field() -> None:
    with pytest.raises(ConfigError, match="did you mean learning_rate"):
        TrialConfig().replace(learning_rat=0.1)


def test_a_whole_number_is_a_float_where_floats_are_wanted() -> None:
    assert TrialConfig(learning_rate=1) == TrialConfig(learning_rate=1.0)
    assert isinstance(TrialConfig(learning_rate=1).learning_rate, float)


def test_fields_say_what_stages_and_searches_may_not_vary() -> None:
    rows = {"dataset", "toy_problem", "outer_split", "split_seed", "validation_rows", "folds", "fold"}
    assert {name for name, spec in FIELDS.items() if spec.selects_rows} == rows
    assert {name for name, spec in FIELDS.items() if not spec.settable} == {"seed", "folds", "fold"}
    assert {name for name, spec in FIELDS.items() if not spec.may_be_searched} == {
        *rows,
        "epochs",
        "early_stopping_patience",
        "seed",
        "threads",
    }
    assert {name for name, spec in FIELDS.items() if spec.changes_loss} == {
        "objective",
        "label_smoothing",
        "variance_link",
        "target_transform",
    }


def test_every_field_counts_always_or_is_read_by_something() -> None:
    registries = (NETWORKS, OBJECTIVES, OPTIMIZERS, SCHEDULES, DATASETS)
    read = {name for registry in registries for known in registry.values() for name in known.reads}
    always = {name for name, spec in FIELDS.items() if spec.always}
    assert not read & always
    assert read | always == set(FIELDS) - {"early_stopping_patience", "trainer"}


def test_configurations_load_without_torch_and_ray() -> None:
    code = (
        "import sys, tune_jobs.trial.config, tune_jobs.study.model, tune_jobs.study.rows; "
        "print([m for m in ('torch', 'ray', 'pandas', 'sklearn', 'torchvision') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("No", False), ("no", False), (True, True)])
def test_yes_and_no_are_true_and_false_in_fields_that_are_either(text: object, value: bool) -> None:
    assert FIELDS["pooling"].check("pooling", text) is value
    with pytest.raises(ConfigError, match="'maybe' is not true or false"):
        FIELDS["pooling"].check("pooling", "maybe")
    with pytest.raises(ConfigError, match="optimizer"):
        FIELDS["optimizer"].check("optimizer", "yes")


def test_null_is_the_neutral_value_where_a_field_has_one() -> None:
    assert TrialConfig(weight_decay=None, input_transform=None, batch_norm=None) == TrialConfig()  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="batch_size: has no value; give a whole number at least 1"):
        TrialConfig(batch_size=None)  # type: ignore[arg-type]
