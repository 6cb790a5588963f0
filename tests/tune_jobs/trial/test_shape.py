"""What trials have in common whose epochs take equally long."""

from typing import Any

import pytest

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.shape import FREE, PRESENT_OR_NOT, shape

BASE = {"network": "cnn", "optimizer": "momentum", "schedule": "step", "dropout": 0.1}


def config(**changes: Any) -> TrialConfig:
    return TrialConfig(**{**BASE, **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 3},
        {"split_seed": 3},
        {"learning_rate": 0.5},
        {"momentum": 0.5},
        {"schedule": "constant"},
        {"decay_every": 3},
        {"epochs": 99},
        {"dropout": 0.5},
        {"early_stopping_patience": 3},
        {"input_scaling": "unit"},
    ],
)
def test_values_that_move_no_work_share_a_shape(change: dict[str, Any]) -> None:
    assert shape(config(**change)) == shape(config())


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_units": 8},
        {"hidden_layers": 2},
        {"kernel_size": 5},
        {"batch_size": 8},
        {"dataset": "usps"},
        {"validation_rows": 100},
        {"network": "mlp"},
        {"optimizer": "adam"},
        {"objective": "mse_softmax"},
        {"activation": "tanh"},
        {"batch_norm": True},
        {"dropout": 0.0},
        {"weight_decay": 0.1},
        {"threads": 2},
    ],
)
def test_what_changes_the_work_changes_the_shape(change: dict[str, Any]) -> None:
    assert shape(config(**change)) != shape(config())


def test_sizes_of_the_users_own_code_count_and_fractions_of_a_loss_do_not() -> None:
    def own(**values: Any) -> str:
        named = {name.replace("_", ".", 1): value for name, value in values.items()}
        return shape(TrialConfig(own=named))

    assert own(network_width=4) != own(network_width=8)
    assert own(network_share=0.4) != own(network_share=0.8)
    assert own(objective_gamma=1.0) == own(objective_gamma=2.0)
    assert own(objective_rounds=1) != own(objective_rounds=2)


def test_what_is_left_out_is_of_a_trajectory() -> None:
    known = {*FIELDS, *trajectory(config()), "schedule counts epochs"}
    assert known >= FREE | PRESENT_OR_NOT
    assert not FREE & PRESENT_OR_NOT
