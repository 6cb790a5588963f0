"""Keys: what they depend on, and that they are the same as ever."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils.registry import DatasetInfo
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.key import trajectory, trial_key


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
HOUSES = {"dataset": "house_prices", "objective": "gaussian_nll", "hidden_layers": 3, "hidden_units": 20}
USERS_NETWORK = {
    "network": "nets:ResNet",
    "own": {"network.depth": 3, "network.width": 16, "code of network": "00112233aabbccdd"},
}
USERS_SCHEDULE = {
    "schedule": "schedules:warm",
    "own": {"schedule.start": 0.1, "code of schedule": "8899aabbccddeeff", "schedule counts epochs": True},
}
WINE = DatasetInfo(
    name="wine",
    label="Wine",
    task="classification",
    input_shape=(11,),
    classes=6,
    development_rows=1279,
    test_rows=320,
    validation_rows=256,
    target_unit="",
    source="wine.csv",
    loader="data_utils.opening:open_part",
    reads=("outer_split",),
)
KEYS: list[tuple[dict[str, Any], str]] = [
    ({}, "02219b54a6edbf9d9200"),
    ({"seed": 7}, "ab8560f8d5607dbe7167"),
    ({"split_seed": 4, "seed": 4}, "a4f278b90eda4aafbf08"),
    ({"validation_rows": 360}, "02219b54a6edbf9d9200"),
    ({"validation_rows": 100}, "2e6726e97cc68a6ee91a"),
    ({"outer_split": 3}, "02219b54a6edbf9d9200"),
    ({"dataset": "mnist", "shift": 2, "rotation": 7.5, "zoom": 10, "batch_size": 128}, "eef877d799484eeab4f4"),
    ({"dataset": "toy", "toy_problem": "moons", "objective": "bce_with_logits"}, "8a5b04734e45c2049536"),
    (
        {"dataset": "toy", "toy_problem": "spirals", "network": "linear", "objective": "mse", "outer_split": 2},
        "9fc16963c2fa62b9ea9d",
    ),
    ({"dataset": "diabetes", "objective": "mse", "outer_split": 2, "input_transform": "log1p"}, "35f469dac927321cb496"),
    (
        {"dataset": "diabetes", "objective": "mse", "target_transform": "log", "weight_decay": 0.01},
        "661c48aac4d3ef8638e7",
    ),
    ({**CNN, "input_scaling": "unit"}, "a6311adff252c3680255"),
    ({**CNN, "channel_growth": "doubling", "kernel_size": 5, "padding": 2, "pooling": False}, "4e2799becfc1dd8a218e"),
    ({**CNN, "padding": "same", "dropout": 0.25, "batch_norm": True, "activation": "gelu"}, "567e778034d3d6af2b30"),
    (
        {**CNN, "objective": "cross_entropy", "label_smoothing": 0.1, "optimizer": "nesterov", "momentum": 0.8},
        "ceb42390b6b2fbda418e",
    ),
    ({**CNN, "objective": "mse_softmax", "label_smoothing": 0.1, "validation_rows": 1291}, "cafddb34b1d8f2118dab"),
    ({**HOUSES}, "ee7f0f32f006b12d5e20"),
    ({**HOUSES, "variance_link": "softplus", "outer_split": 11, "split_seed": 11, "seed": 11}, "057441d74df7e242a89b"),
    ({**HOUSES, "schedule": "one_cycle", "epochs": 30, "target_transform": "log"}, "c539fe4be2154014754e"),
    ({**HOUSES, "objective": "mse", "variance_link": "softplus", "early_stopping_patience": 9}, "e6a956643c6f970a719a"),
    ({"network": "linear", "hidden_units": 64, "dropout": 0.5}, "20cb95c2bd11e728a530"),
    (
        {"network": "mlp", "hidden_layers": 4, "hidden_units": 7, "activation": "tanh", "kernel_size": 5},
        "765841a867e0f0d1736c",
    ),
    ({"optimizer": "momentum", "momentum": 0.95, "learning_rate": 1}, "3a842e00bc01dff41bb3"),
    ({"optimizer": "sgd", "momentum": 0.95, "learning_rate": 1e-8}, "9543c115faaf38079807"),
    ({"optimizer": "adamw", "weight_decay": 0.3, "threads": 4}, "439c5acac71e08dd79ef"),
    ({"optimizer": "rmsprop", "batch_size": 1}, "3a6a525c538aa433bc22"),
    ({"schedule": "step", "decay_every": 3, "decay_factor": 0.5, "plateau_patience": 2}, "2eab739a116a246ce65a"),
    (
        {"schedule": "plateau", "decay_every": 3, "decay_factor": 0.5, "plateau_patience": 2, "epochs": 77},
        "9129ce908bf5236b66cf",
    ),
    ({"schedule": "cosine", "epochs": 77}, "9927e3412a083fff54bb"),
    ({"epochs": 77, "early_stopping_patience": 3}, "02219b54a6edbf9d9200"),
    (USERS_NETWORK, "fcd61aea54bae2a3ee5f"),
    ({**USERS_NETWORK, "dropout": 0.2, "hidden_units": 8, "optimizer": "nesterov"}, "b79b0345e5e1c8d7824a"),
    (USERS_SCHEDULE, "cc396f4d2bd8a380f255"),
    ({**USERS_SCHEDULE, "epochs": 40}, "190276744bc518286915"),
    (
        {"objective": "losses:focal", "own": {"objective.gamma": 2.0, "code of objective": "ffeeddccbbaa9988"}},
        "649da24676c65df4f77c",
    ),
    (
        {"optimizer": "torch.optim:NAdam", "own": {"optimizer.momentum_decay": 0.01}, "momentum": 0.5},
        "35765a8c855bf1bcf811",
    ),
    ({"dataset": "wine", "info": WINE, "outer_split": 1}, "d2f50a34f2ab552df682"),
    (
        {
            "dataset": "wine",
            "info": WINE,
            "own": {"dataset.noise": 0.5},
            "validation_rows": 256,
            "input_scaling": "unit",
        },
        "1788469f39f391945353",
    ),
    ({**CNN, "input_scaling": "unit", "batch_size": 64, "seed": 3, "split_seed": 3}, "24f3fe00f8111bf58ed1"),
    ({**HOUSES, "schedule": "one_cycle", "epochs": 30, "outer_split": 2, "dropout": 0.1}, "0dc9903f1d31b7885ed2"),
]


@pytest.mark.parametrize(("values", "key"), KEYS)
def test_keys_do_not_drift(values: dict[str, Any], key: str) -> None:
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
