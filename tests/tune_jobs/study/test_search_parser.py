"""The `search` of a study file: what is read, and that every error is one line that says where and what to do."""

from pathlib import Path
from typing import Any

import pytest

from tune_jobs.errors import UserError
from tune_jobs.standing.search.point_trials import searched_default
from tune_jobs.study.load import load_study
from tune_jobs.study.search import Budget
from tune_jobs.study.search_identity import full_length, search_id
from tune_jobs.study.space import Parameter

NETWORK = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, outputs, dropout: float = 0.5, width=8, mode: str = "plain"):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, x):
        return self.body(x)
"""


def load(tmp_path: Path, search: str, *, base: str = "epochs: 30", **options: Any) -> Any:
    path = tmp_path / "study.yaml"
    path.write_text(f"base: {{dataset: digits, {base}}}\nsearch:\n" + "".join(f"  {x}\n" for x in search.splitlines()))
    return load_study(str(path), **options)


def space(line: str) -> str:
    return f"space:\n  {line}"


def test_a_search_with_everything(tmp_path: Path) -> None:
    study = load(
        tmp_path,
        """\
base: {optimizer: nesterov}
scheduler: hyperband
grace_epochs: 2
reduction_factor: 4
sampler: grid
budget: {trials: 9, epochs: 300, minutes: 1.5}
seed: 4
seeds: 6
audit: 0
confirm: 2
path: 0
interactions: 1
space:
  momentum: {low: 0.1, high: 0.9, when: {optimizer: nesterov}, points: 4}
  optimizer: {choices: [adam, nesterov]}
  learning_rate: {low: 0.001, high: 0.1, scale: log}
  hidden_units: {low: 2, high: 9}
""",
    )
    search = study.search
    assert search.scheduler.brackets(30) == [(2, 8), (8,), ()]
    assert search.budget == Budget(9, 300, 1.5)
    assert (search.seed, search.seeds, search.audit, search.confirm) == (4, 6, 0, 2)
    assert (search.path, search.interactions, search.sampler) == (0, 1, "grid")
    assert search.space.names == ("optimizer", "learning_rate", "hidden_units", "momentum"), "parents come first"
    optimizer, rate, units, momentum = search.space
    assert momentum.when == {"optimizer": ("nesterov",)}
    assert momentum.points == 4
    assert rate == Parameter("learning_rate", low=0.001, high=0.1, log=True)
    assert units.integer
    assert not momentum.integer
    assert optimizer.choices == ("adam", "nesterov")


def test_what_is_left_out(tmp_path: Path) -> None:
    study = load(tmp_path, space("activation: [relu, tanh]"))
    assert study.search.budget == Budget(trials=60)
    assert study.search.sampler == "tpe"
    assert load(tmp_path, "sampler: grid\n" + space("activation: [relu, tanh]")).search.budget == Budget(trials=2)


def test_budgets_in_words() -> None:
    assert str(Budget(1_234_567, None, 90.0)) == "1,234,567 trials or 90 minutes"


@pytest.mark.parametrize(
    ("search", "line", "says"),
    [
        (space("lerning_rate: [0.1]"), 4, "did you mean learning_rate"),
        (space("optimizer: {low: 1, high: 2}"), 4, "has choices, not a range; give them as a list"),
        (space("batch_norm: {low: 0, high: 1}"), 4, "has choices, not a range"),
        (space("learning_rate: {low: a, high: 1}"), 4, "'a' is not"),
        (space("learning_rate: {low: 0.1, high: 0.1}"), 4, "0.1 is not above low, 0.1"),
        (space("learning_rate: {low: 0.1, high: 0.01}"), 4, "not above low"),
        (space("dropout: {low: 0, high: 0.5, scale: log}"), 4, "no logarithm; give a low above 0, or scale: linear"),
        (space("dropout: {low: 0, high: 1.5}"), 4, "out of bounds"),
        ("replicates: 2\nscheduler: median\n" + space("dropout: [0.1]"), 3, "the median rule judges single curves"),
        ("replicates: 0\n" + space("dropout: [0.1]"), 3, "at least 1"),
        (space("hidden_units: {low: 1.5, high: 4}"), 4, "not a whole number"),
        (space("dropout: {low: 0.1}"), 4, "lacks `high`"),
        (space("dropout: {low: 0.1, high: 0.2, scale: lin}"), 4, "there is no scale 'lin'"),
        (space("dropout: {low: 0.1, high: 0.2, stride: 1}"), 4, "there is no key 'stride'"),
        (space("dropout: {low: 0.1, high: 0.2, points: 0}"), 4, "at least 1"),
        (space("dropout: {choices: [0.1], low: 0.2}"), 4, "give one of the two"),
        (space("dropout: 0.1"), 4, "give a list of choices, or a range as"),
        (space("dropout: []"), 4, "empty list"),
        (space("dropout: [0.1, 0.2, 0.1]"), 4, "the choice 0.1 repeats"),
        (space("optimizer: [adam, adamm]"), 4, "did you mean adam"),
        (space("momentum: {low: 0.1, high: 0.9, when: {optimiser: nesterov}}"), 4, "did you mean optimizer"),
        (space("momentum: {low: 0.1, high: 0.9, when: {optimizer: nesterov}}"), 4, "which is not searched"),
        (space("momentum: {low: 0.1, high: 0.9, when: {momentum: 0.5}}"), 4, "leads back to itself; break the cycle"),
        (
            space("momentum: {low: 0.1, high: 0.9, when: {optimizer: sgd}}\n  optimizer: [adam, nesterov]"),
            4,
            "which the search never tries",
        ),
        (
            space("dropout: {low: 0, high: 0.9, when: {hidden_layers: 9}}\n  hidden_layers: {low: 1, high: 3}"),
            4,
            "which the search never tries",
        ),
        (
            space(
                "dropout: {choices: [0.1], when: {momentum: 0.5}}\n  momentum: {choices: [0.5], when: {dropout: 0.1}}"
            ),
            4,
            "cycle",
        ),
        *((space(f"{name}: [1, 2]"), 4, "cannot be searched") for name in ("epochs", "seed", "threads", "split_seed")),
        (space("dataset: [digits, usps]"), 4, "cannot be searched"),
        (space("early_stopping_patience: [1, 2]"), 4, "cannot be searched"),
        ("space: {}", 3, "is empty"),
        ("space: [dropout]", 3, "must be a mapping"),
        ("budget: {trials: 3}", 2, "lacks `space`"),
        ("budgets: {trials: 3}\n" + space("dropout: [0.1]"), 3, "did you mean budget"),
        ("budget: {trials: -3}\n" + space("dropout: [0.1]"), 3, "-3 is not a whole number of at least 1"),
        ("budget: {trials: 0}\n" + space("dropout: [0.1]"), 3, "0 is not a whole number"),
        ("budget: {minutes: -1}\n" + space("dropout: [0.1]"), 3, "-1 is not a number of minutes above 0"),
        ("budget: {minutes: .inf}\n" + space("dropout: [0.1]"), 3, "number of minutes"),
        ("budget: {hours: 1}\n" + space("dropout: [0.1]"), 3, "there is no key 'hours'"),
        ("budget: {}\n" + space("dropout: [0.1]"), 3, "is empty"),
        ("budget:\n" + space("dropout: [0.1]"), 3, "must be a mapping"),
        ("budget: 30\n" + space("dropout: [0.1]"), 3, "must be a mapping"),
        ("budget: {epochs: 29}\n" + space("dropout: [0.1]"), 3, "29 is less than the 30 epochs of one trial"),
        ("scheduler: pbt\n" + space("dropout: [0.1]"), 3, "there is no scheduler 'pbt'"),
        ("sampler: bayes\n" + space("dropout: [0.1]"), 3, "there is no sampler 'bayes'"),
        ("grace_epochs: 0\n" + space("dropout: [0.1]"), 3, "at least 1"),
        ("grace_epochs: 30\n" + space("dropout: [0.1]"), 3, "leave no rung to stop at"),
        ("scheduler: median\ngrace_epochs: 31\n" + space("dropout: [0.1]"), 4, "scheduler: none"),
        ("base: {epochs: 5}\ngrace_epochs: 5\n" + space("dropout: [0.1]"), 4, "5 epochs of grace in trials of 5"),
        ("reduction_factor: 1\n" + space("dropout: [0.1]"), 3, "at least 2"),
        ("base: {seed: 3}\n" + space("dropout: [0.1]"), 3, "cannot be set in a study"),
        (
            "sampler: grid\nspace: {"
            + ", ".join(
                f"{name}: {{low: {low}, high: 0.9, points: 30}}"
                for name, low in (("dropout", 0), ("momentum", 0.1), ("learning_rate", 0.1))
            )
            + "}",
            4,
            "more than 10,000 points",
        ),
    ],
)
def test_what_is_wrong_is_one_clear_line(search: str, line: int, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, search)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'study.yaml'}, line {line}: search"), message
    assert says in message
    assert "\n" not in message


def test_losses_of_different_kinds_are_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("select: loss\nbase: {epochs: 30}\nsearch: {space: {objective: [cross_entropy, mse]}}\n")
    with pytest.raises(UserError, match="objective changes what the loss is"):
        load_study(str(path))


def test_a_quick_look_may_be_shorter_than_the_grace(tmp_path: Path) -> None:
    study = load(tmp_path, "grace_epochs: 5\n" + space("dropout: [0.1]"), fraction=0.1)
    assert full_length(study, study.search) == 3
    assert study.search.scheduler.brackets(3) == [()]


def test_a_search_without_rungs_needs_no_grace(tmp_path: Path) -> None:
    assert load(tmp_path, "scheduler: none\n" + space("dropout: [0.1]"), base="epochs: 1").search is not None


def own(tmp_path: Path, line: str) -> Any:
    (tmp_path / "net.py").write_text(NETWORK)
    return load(tmp_path, space(line), base="network: 'net:Net', epochs: 30")


def test_parameters_of_the_users_own_code(tmp_path: Path) -> None:
    (width,) = own(tmp_path, "network.width: {low: 4, high: 16}").search.space
    assert (width.name, width.integer) == ("width", True)
    (width,) = own(tmp_path, "width: {low: 4.0, high: 16}").search.space
    assert not width.integer


def test_whole_ends_of_a_field_that_is_also_the_projects_do_not_make_it_whole(tmp_path: Path) -> None:
    """A dropout from 0 to 1 of the user's own network is not either 0 or 1."""
    (dropout,) = own(tmp_path, "dropout: {low: 0, high: 1}").search.space
    assert not dropout.integer


def test_a_field_under_two_names_is_given_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="width is given twice; give it once"):
        own(tmp_path, "width: [4, 8]\n  network.width: [16]")


def test_the_journal_is_named_by_what_the_trials_have_in_common(tmp_path: Path) -> None:
    def name(search: str, **options: Any) -> str:
        study = load(tmp_path, search, **options)
        return search_id(study, study.search, "data")

    first = name(space("dropout: [0.1]"))
    for same in (
        space("dropout: [0.1, 0.2]"),
        space("dropout: [0.1]\n  learning_rate: {low: 0.01, high: 0.1}"),
        "budget: {trials: 3}\nscheduler: none\nsampler: random\n" + space("dropout: [0.1]"),
    ):
        assert name(same) == first
    for other in ("base: {hidden_units: 9}\n", "base: {epochs: 9}\n", "seed: 1\n", "replicates: 2\n"):
        assert name(other + space("dropout: [0.1]")) != first
    assert name(space("dropout: [0.1]"), fraction=0.5) != first
    assert name(space("dropout: [0.1]"), overrides={"learning_rate": 0.5}) != first


def test_ranges_with_a_step(tmp_path: Path) -> None:
    search = load(
        tmp_path, "space:\n  hidden_units: {low: 8, high: 64, step: 8}\n  dropout: {low: 0, high: 0.5, step: 0.1}"
    )
    units, dropout = search.search.space
    assert units == Parameter("hidden_units", low=8, high=64, integer=True, step=8)
    assert dropout.grid() == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    (width,) = own(tmp_path, "width: {low: 0, high: 1, step: 0.25}").search.space
    assert (width.integer, width.grid()) == (False, (0.0, 0.25, 0.5, 0.75, 1.0))
    grid = load(tmp_path, "sampler: grid\n" + space("hidden_units: {low: 8, high: 64, step: 8}"))
    assert grid.search.budget == Budget(trials=8)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hidden_units: {low: 8, high: 60, step: 8}", "60 is not low, 8, plus whole steps of 8; give high: 56 or 64"),
        ("hidden_units: {low: 8, high: 12, step: 8}", "12 is not low, 8, plus whole steps of 8; give high: 16"),
        ("hidden_units: {low: 8, high: 9, step: 0.5}", "step: 0.5 is not a whole number"),
        ("hidden_units: {low: 8, high: 16, step: 0}", "step: 0 is not above 0"),
        ("hidden_units: {low: 8, high: 16, step: big}", "step: 'big' is not a number"),
        ("hidden_units: {low: 8, high: 16, step: 8, scale: log}", "scale: goes with a range without a step"),
        ("hidden_units: {low: 8, high: 16, step: 8, points: 2}", "points: goes with a range without a step"),
        ("dropout: {low: 0, high: 0.5, step: 0.0000001}", "makes more than 100,000 values; give a larger step"),
        ("optimizer: {choices: [adam, sgd], step: 1}", "is for a range, and this field has `choices`"),
    ],
)
def test_steps_that_fit_no_range(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, space(line))
    assert words in str(caught.value)
    assert "study.yaml, line 4: search.space." in str(caught.value)


def test_a_space_is_another_with_a_step_and_its_id_without_one_stays(tmp_path: Path) -> None:
    plain = load(tmp_path, space("hidden_units: {low: 8, high: 64}")).search.space_id
    assert plain == "f8b3313afb22"
    assert load(tmp_path, space("hidden_units: {low: 8, high: 64, step: 8}")).search.space_id != plain


def test_null_is_a_choice_where_a_field_may_be_absent_and_the_default_is_in_the_space(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK.replace("width=8", "width=8, rate: float | None = None"))
    study = load(tmp_path, space("rate: [null, 0.5]"), base="network: 'net:Net', epochs: 30")
    assert study.search.space.parameters[0].choices == (None, 0.5)
    assert searched_default(study, study.search) == {"rate": None}
