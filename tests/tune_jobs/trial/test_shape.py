"""What trials have in common whose epochs take equally long."""

from typing import Any

import pytest

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.shape import shape

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


def test_what_fields_say_about_the_duration_of_an_epoch() -> None:
    unaffected = {name for name, spec in FIELDS.items() if spec.epoch_time == "unaffected"}
    assert unaffected == {
        "seed",
        "split_seed",
        "outer_split",
        "fold",
        "input_scaling",
        "toy_problem",
        "learning_rate",
        "momentum",
        "schedule",
        "decay_every",
        "decay_factor",
        "plateau_patience",
        "epochs",
    }
    assert {"dropout", "label_smoothing", "weight_decay"} == {
        name for name, spec in FIELDS.items() if spec.epoch_time == "presence"
    }


def test_a_users_schedule_that_counts_epochs_counts_by_its_code_alone() -> None:
    def users(**own: Any) -> str:
        return shape(TrialConfig(schedule="mine:warm", own={"code of schedule": "aa", **own}))

    assert users() == users(**{"schedule counts epochs": True})
    assert users() != shape(TrialConfig(schedule="mine:warm", own={"code of schedule": "bb"}))
