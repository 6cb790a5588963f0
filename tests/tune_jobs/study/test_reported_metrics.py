"""What a training function reports is read from its source, and the goals are guessed from the names."""

import pytest

from tune_jobs.study.reported_metrics import (
    TRIAL_NAMES,
    functions_of_trials,
    guessed_metric,
    metric_to_compare,
    reported_names,
)
from tune_jobs.trainer.link import Printing
from tune_jobs.trainer.trial import Trial

HEAD = "def train(trial, *, width=3):\n    for epoch in trial.epochs():\n        "


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{HEAD}trial.report(loss=1, accuracy=2)", ["loss", "accuracy"]),
        (f"{HEAD}trial.report(**{{'loss': 1, **{{'f1': 2}}}}, r2=3)", ["loss", "f1", "r2"]),
        (f"{HEAD}found = dict(loss=1); found['f1'] = 2; trial.report(**found)", ["loss", "f1"]),
        (f"def score(m):\n    return {{'loss': m}}\n{HEAD}trial.report(**score(3), f1=1)", ["loss", "f1"]),
        (f"{HEAD}yield {{'loss': 1}}", ["loss"]),
        (f"def all(t):\n    return all(t)\n{HEAD}trial.report(**all(1))", []),
        ("def train(it):\n    logger.report(a=1); it.report(b=1)", ["b"]),
        (f"def loop(trial):\n    trial.report(loss=1)\n{HEAD}loop(trial)", ["loss"]),
        (f"{HEAD}trial.report(loss=1, seed=3, key=4)", ["loss"]),
        (
            "class M:\n    def step(self):\n        self.log('loss', 1); self.log_dict({'f1': 2}); self.log(name, 3)\n"
            "def train(trial):\n    fit(M(), ablatune.lightning.TrialCallback(trial))",
            ["loss", "f1"],
        ),
        ("def train(trial):\n    pass", []),
    ],
)
def test_names_are_found_wherever_the_source_spells_them_out(text: str, names: list[str]) -> None:
    assert list(reported_names(text, "train")) == names


@pytest.mark.parametrize(
    ("name", "goal", "known"),
    [
        ("validation_loss", "min", True),
        ("val_acc", "max", True),
        ("radius_error", "min", True),
        ("F1", "max", True),
        ("r2", "max", True),
        ("seconds", "min", True),
        ("negative_log_likelihood_loss", "min", True),
        ("quality", "max", False),
    ],
)
def test_a_name_says_which_way_is_better(name: str, goal: str, known: bool) -> None:
    guessed = guessed_metric(name)
    assert (guessed.goal, guessed.known) == (goal, known)


@pytest.mark.parametrize(
    ("names", "compared"),
    [
        (["train_loss", "validation_loss", "validation_accuracy"], "validation_accuracy"),
        (["seconds", "train_accuracy", "val_loss"], "val_loss"),
        (["learning_rate", "reward"], "reward"),
        (["seconds"], "seconds"),
    ],
)
def test_tables_compare_the_validation_part(names: list[str], compared: str) -> None:
    assert metric_to_compare([guessed_metric(name) for name in names]) == compared


def test_functions_of_trials_are_those_that_take_one() -> None:
    text = "def fit(trial): ...\ndef other(a): ...\ndef train(trial, *, a=1): ...\ndef evaluate(trial): ...\n"
    assert functions_of_trials(text) == ("train", "fit")


def test_the_names_of_a_trial_are_those_that_it_has() -> None:
    trial = Trial(Printing(), total=1)
    assert {name for name in dir(trial) if not name.startswith("_")} - {"local"} == TRIAL_NAMES
