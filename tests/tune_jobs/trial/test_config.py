"""Configurations: what is refused, and which of them are the same trajectory."""

import dataclasses
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.errors import ConfigError
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trajectory, trial_key


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


@pytest.mark.parametrize(
    "unread",
    [
        {"kernel_size": 5},
        {"momentum": 0.5},
        {"decay_factor": 0.5},
        {"variance_link": "softplus"},
        {"toy_problem": "moons"},
        {"epochs": 77},
        {"early_stopping_patience": 3},
        {"validation_rows": 360},
    ],
)
def test_a_field_that_nothing_reads_does_not_change_the_key(unread: dict[str, object]) -> None:
    assert trial_key(TrialConfig(**unread), "x") == trial_key(TrialConfig(), "x")


@pytest.mark.parametrize(
    "read",
    [
        {"seed": 1},
        {"split_seed": 1},
        {"learning_rate": 0.002},
        {"dropout": 0.1},
        {"batch_norm": True},
        {"weight_decay": 0.1},
        {"threads": 2},
        {"validation_rows": 100},
        {"label_smoothing": 0.1},
        {"shift": 1},
        {"rotation": 10},
        {"zoom": 5},
        {"input_transform": "log1p"},
        {"target_transform": "log"},
    ],
)
def test_a_field_that_is_read_changes_the_key(read: dict[str, object]) -> None:
    assert trial_key(TrialConfig(**read), "x") != trial_key(TrialConfig(), "x")


def test_fingerprint_is_part_of_the_key() -> None:
    assert trial_key(TrialConfig(), "x") != trial_key(TrialConfig(), "y")


@pytest.mark.parametrize("schedule", ["constant", "step", "plateau"])
def test_epochs_are_a_prefix_unless_the_schedule_reads_them(schedule: str) -> None:
    one, other = (trial_key(TrialConfig(schedule=schedule, epochs=n), "x") for n in (10, 20))
    assert one == other


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_epochs_are_in_the_key_where_the_schedule_depends_on_the_total(schedule: str) -> None:
    one, other = (trial_key(TrialConfig(schedule=schedule, epochs=n), "x") for n in (10, 20))
    assert one != other


def test_neutral_values_leave_no_trace_in_the_trajectory() -> None:
    """So that a field added later does not change the keys of what was trained before."""
    neutral = {name for name, spec in FIELDS.items() if getattr(TrialConfig(), name) == spec.neutral}
    assert {"dropout", "batch_norm", "weight_decay", "threads", "label_smoothing"} <= neutral
    assert not neutral & set(trajectory(TrialConfig()))


CNN = {"dataset": "usps", "network": "cnn", "hidden_layers": 2, "hidden_units": 16, "objective": "mse"}
GAUSSIAN = {"dataset": "house_prices", "objective": "gaussian_nll", "hidden_layers": 3, "hidden_units": 20}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "02219b54a6edbf9d9200"),
        ({**CNN, "input_scaling": "unit", "batch_size": 64, "seed": 3, "split_seed": 3}, "24f3fe00f8111bf58ed1"),
        ({**GAUSSIAN, "schedule": "one_cycle", "epochs": 30, "outer_split": 2, "dropout": 0.1}, "0dc9903f1d31b7885ed2"),
    ],
)
def test_keys_do_not_drift(values: dict[str, object], key: str) -> None:
    """Stored keys: if they change, every ledger in use forgets what it holds."""
    assert trial_key(TrialConfig(**values), "0123456789abcdef") == key


@given(
    network=st.sampled_from(["linear", "mlp", "cnn"]),
    optimizer=st.sampled_from(["sgd", "nesterov", "adam"]),
    schedule=st.sampled_from(["constant", "step", "cosine"]),
    learning_rate=st.floats(1e-8, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_configuration_survives_json_with_its_key(**values: object) -> None:
    config = TrialConfig(**values)
    rebuilt = TrialConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert rebuilt == config
    assert trial_key(rebuilt, "x") == trial_key(config, "x")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch_size": 1078}, "batch_size: 1078 is more than the 1077 training rows of digits"),
        ({"validation_rows": 1437}, "validation_rows: 1437 leaves no training rows"),
        ({"objective": "gaussian_nll"}, "objective: gaussian_nll is not for classification"),
        ({"dataset": "diabetes"}, "objective: cross_entropy is not for regression"),
        (
            {"network": "cnn", "padding": 0, "kernel_size": 5, "hidden_layers": 3, "pooling": False},
            "hidden_layers: layer 2 of 3 gets images of 4x4 pixels, too small for kernel_size 5",
        ),
        ({"network": "cnn", "dataset": "toy"}, "network: cnn needs images"),
        ({"target_transform": "log"}, "target_transform: log is for regression, and digits has classes; use none"),
        (
            {"input_transform": "log1p"},
            "input_transform: log1p is for tables of numbers, and digits has images; use none",
        ),
        (
            {"dataset": "toy", "rotation": 5},
            "rotation: changes images of shape (channels, height, width), the data has (2,); leave shift, rotation, "
            "zoom at 0",
        ),
    ],
)
def test_fields_that_do_not_fit_each_other(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_feasible(TrialConfig(**values))
    assert words in str(caught.value)


def test_configurations_load_without_torch_and_ray() -> None:
    code = (
        "import sys, tune_jobs.trial.config, tune_jobs.study.model, tune_jobs.study.rows; "
        "print([m for m in ('torch', 'ray', 'pandas', 'sklearn', 'torchvision') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
