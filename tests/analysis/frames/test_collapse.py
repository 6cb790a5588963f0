"""Who predicts one class only."""

from typing import Any

import numpy as np
import pytest

from analysis.frames.collapse import predicts_one_class, suspects, with_one_class
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - factor: learning_rate
    levels: [0.001, 1.0]
"""


@pytest.mark.parametrize(
    ("objective", "outputs", "expected"),
    [
        ("bce_with_logits", [[0.2], [3.0]], True),
        ("bce_with_logits", [[-0.2], [3.0]], False),
        ("mse", [[0.6], [0.9]], True),
        ("mse", [[0.2], [0.9]], False),
        ("cross_entropy", [[0.0, 1.0], [2.0, 5.0]], True),
        ("cross_entropy", [[0.0, 1.0], [5.0, 2.0]], False),
    ],
)
def test_how_a_class_is_read_off_the_outputs(
    run: Any, fate: Any, objective: str, outputs: list[list[float]], expected: bool
) -> None:
    array = np.array(outputs, dtype="<f4")
    changes = {"validation_outputs": (array.tobytes(),) * 2, "outputs": array.shape[1]}
    record = next(iter(run(STUDY, seeds=1, fates=lambda config: fate(changes=changes)).contents.records.values()))
    assert predicts_one_class(record, 2, objective=objective) is expected


def test_only_those_whose_accuracy_is_a_class_share_are_suspects(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate(last=100 * 2 / 3, one_class=True) if config.learning_rate == 1 else fate(last=90.0)

    ran = run(STUDY, fates=fates)
    targets = np.array([0, 0, 1])
    known = {(position, seed): targets for position in (0, 1) for seed in ran.seeds}
    assert set(suspects(ran.trials, known)["position"]) == {1}
    without = {place: classes for place, classes in known.items() if place[0] == 1}
    assert set(suspects(ran.trials, without)["position"]) == {0, 1}, "without targets, anyone may be"


def test_the_frame_says_who_collapsed(run: Any, fate: Any) -> None:
    ran = run(STUDY, fates=lambda config: fate(one_class=config.learning_rate == 1 and config.seed != 2))
    frame = with_one_class(ran.trials, suspects(ran.trials, {}), ran.rows, ran.contents)
    assert frame["one_class"].tolist() == [False, False, False, True, True, False]
    assert ran.trials["one_class"].isna().all(), "the frame that was given is not changed"


def test_without_predictions_nothing_is_known(run: Any) -> None:
    ran = run(STUDY)
    frame = with_one_class(ran.trials, suspects(ran.trials, {}), ran.rows, ran.ledger.read())
    assert frame["one_class"].isna().all()
