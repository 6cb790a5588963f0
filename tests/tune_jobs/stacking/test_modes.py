"""Which tables of a study train in stacks: those that are compared train alike, and what was run before stays."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.version import SINGLE, STACKED
from tune_jobs.stacking.modes import choose_modes
from tune_jobs.stacking.rule import Rule
from tune_jobs.study.load import load_study
from tune_jobs.study.rows import expand

PAYS, COSTS = Rule("", (1.0,), (0.2,)), Rule("", (1.0,), (1.1,))
HOUSES = {"dataset": "diabetes", "objective": "mse"}

Modes = Callable[..., dict[str, str]]


@pytest.fixture
def modes(tmp_path: Path) -> Modes:
    def choose(
        document: Mapping[str, Any],
        stack: str | int = "auto",
        before: Mapping[str, str] | None = None,
        rule: Rule | None = PAYS,
    ) -> dict[str, str]:
        def found() -> Rule:
            assert rule is not None, "the rule decides nothing here"
            return rule

        path = tmp_path / "study.yaml"
        path.write_text(json.dumps({"base": {"dataset": "digits", "network": "mlp", "epochs": 2}, **document}))
        return choose_modes(load_study(str(path)), stack, before, found)

    return choose


WIDTHS = {"factor": "hidden_units", "levels": [8, 32]}
RATES = {"factor": "learning_rate", "levels": [0.1, 0.01]}
NETWORKS = {"factor": "network", "levels": ["mlp", "cnn"]}


def test_small_networks_train_in_stacks_where_that_pays(modes: Modes) -> None:
    study = {"tables": [WIDTHS, RATES], "final": {"epochs": 4}}
    names = ("hidden_units", "learning_rate", "final")
    assert modes(study) == dict.fromkeys(names, STACKED)
    assert modes(study, rule=COSTS) == dict.fromkeys(names, SINGLE)


def test_one_choice_holds_for_tables_with_a_row_in_common(modes: Modes) -> None:
    rates = {"factor": "learning_rate", "levels": [0.001, 0.01]}
    widths = {"factor": "hidden_units", "levels": [32, 8], "base": HOUSES}
    found = modes({"tables": [NETWORKS, rates, widths]}, before={"network": SINGLE})
    assert found == {"network": SINGLE, "learning_rate": SINGLE, "hidden_units": STACKED}, "through the default's row"


def test_tables_are_joined_whatever_their_order(modes: Modes) -> None:
    middle = {"name": "middle", "factor": "hidden_units", "levels": [8, 16]}
    ends = [
        {"name": "one", "factor": "hidden_units", "levels": [4, 8]},
        {"name": "other", "base": {"hidden_units": 16}, "factor": "activation", "levels": ["relu", "tanh"]},
    ]
    for tables in ([*ends, middle], [middle, *ends], [ends[0], middle, ends[1]]):
        # Only the first is known, which settles the rest.
        assert set(modes({"tables": tables}, before={"one": SINGLE}, rule=None).values()) == {SINGLE}


@pytest.mark.parametrize(
    "level", [{"network": "cnn"}, {"shift": 0.1}, {"threads": 2}, {"optimizer": "torch.optim:Rprop"}], ids=str
)
def test_what_cannot_be_in_a_stack_changes_nothing_for_the_rest(
    level: dict[str, Any], modes: Modes, tmp_path: Path
) -> None:
    table = {"name": "one", "levels": [{"label": "a", "set": {"hidden_units": 8}}, {"label": "b", "set": level}]}
    for stack in ("auto", 8):
        found = modes({"tables": [table]}, stack)
        assert found == {"one": STACKED}
    study = replace(load_study(str(tmp_path / "study.yaml")), modes=found)
    assert [row.mode for row in expand(study)] == [STACKED, SINGLE]
    alone = {"name": "one", "levels": [{"label": "b", "set": level}]}
    assert modes({"tables": [alone]}, 8) == {"one": SINGLE}


def test_stages_are_decided_on_together(modes: Modes) -> None:
    stages = [{"factor": "hidden_units", "levels": [8, 16]}, RATES]
    names = ("hidden_units", "learning_rate", "path", "path_fresh")
    assert modes({"stages": stages}) == dict.fromkeys(names, STACKED)
    assert modes({"stages": stages}, before={"path": SINGLE}, rule=None) == dict.fromkeys(names, SINGLE)


@pytest.mark.parametrize(
    ("space", "mode"),
    [
        ({"learning_rate": {"low": 0.001, "high": 0.1}, "schedule": ["constant", "cosine"]}, STACKED),
        ({"learning_rate": [0.001, 0.1], "hidden_units": {"low": 4, "high": 16}}, SINGLE),
        ({"batch_size": [16, 32]}, SINGLE),
        ({"network": ["mlp", "cnn"]}, SINGLE),
        ({"weight_decay": {"low": 0.001, "high": 0.1}}, STACKED),
        ({"weight_decay": [0.0, 0.1]}, SINGLE),
        ({"input_scaling": ["standard", "unit"]}, SINGLE),
    ],
    ids=str,
)
def test_a_search_trains_in_stacks_if_all_its_points_have_one_shape(
    space: dict[str, Any], mode: str, modes: Modes
) -> None:
    search = {"space": space, "budget": {"trials": 2}}
    rates = {"factor": "learning_rate", "levels": [0.001, 0.01]}
    other = {"name": "other", "factor": "hidden_units", "levels": [8, 16], "base": {"activation": "tanh"}}
    found = modes({"tables": [rates, other], "search": search})
    assert {found["search"], found["search_confirm"], found["learning_rate"]} == {mode}
    assert found["other"] == STACKED


def test_what_was_run_stays_unless_asked_for(modes: Modes) -> None:
    study = {"tables": [WIDTHS]}
    stacked, single = {"hidden_units": STACKED}, {"hidden_units": SINGLE}
    assert modes(study, before=stacked, rule=None) == stacked
    assert modes(study, before=single, rule=None) == single
    assert modes(study, "off", before=stacked, rule=None) == single
    assert modes(study, 8, before=single, rule=None) == stacked


def test_no_new_table_flips_an_old_one(modes: Modes) -> None:
    one = {"name": "one", "factor": "hidden_units", "levels": [8, 16]}
    other = {"name": "other", "factor": "activation", "levels": ["tanh", "elu"]}
    both = {"name": "both", "cross": {"hidden_units": [8, 32], "activation": ["relu", "tanh"]}}
    before = {"one": STACKED, "other": SINGLE}
    assert modes({"tables": [one, other, both]}, before=before, rule=None) == {**before, "both": SINGLE}


def test_a_study_of_before_there_were_stacks_goes_on_singly(modes: Modes) -> None:
    assert modes({"tables": [WIDTHS]}, before={}, rule=None) == {"hidden_units": SINGLE}


def test_a_new_table_of_a_study_that_was_run_is_free_unless_compared_with_an_old_one(modes: Modes) -> None:
    apart = {"name": "apart", "factor": "hidden_units", "levels": [8, 16], "base": HOUSES}
    lone = {"factor": "hidden_units", "levels": [8, 16]}
    before = {"learning_rate": SINGLE}
    assert modes({"tables": [RATES, lone, apart]}, before=before) == {
        "learning_rate": SINGLE,
        "hidden_units": STACKED,
        "apart": STACKED,
    }
    default = {"factor": "learning_rate", "levels": [0.001, 0.01]}
    joined = {"name": "joined", "base": {"learning_rate": 0.01}, "factor": "activation", "levels": ["relu", "tanh"]}
    assert set(modes({"tables": [default, joined]}, before=before).values()) == {SINGLE}
