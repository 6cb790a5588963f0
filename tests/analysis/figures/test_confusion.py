"""Confusion matrices: what is counted, and where they are drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures.confusion import ConfusionPanel, confusion_figure, draw_confusion
from analysis.figures.registry import drawing
from analysis.frames.confusion import confusion_shares
from analysis.frames.evidence import gather
from analysis.report.outline import sections_of
from tests.analysis.figures.kept import GAUSSIAN, TOY, drawn, keep
from tests.tune_jobs.trainers import METRICS, Own


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_shares_are_of_the_rows_of_each_class(pairs: list[tuple[int, int]]) -> None:
    own, predicted = np.array(pairs).T
    shares = confusion_shares(predicted, own, 4)
    assert shares is not None
    sums = shares.sum(axis=1)
    assert all(sums[one] == pytest.approx(100.0) if one in own else np.isnan(sums[one]) for one in range(4))
    right = sum(shares[one, one] * (own == one).mean() for one in set(own.tolist()))
    assert right == pytest.approx(100.0 * (own == predicted).mean())


@pytest.mark.parametrize("targets", [[0.5, 1.0], [0, 2], [-1, 0], [0]])
def test_targets_that_are_no_classes_have_none(targets: list[float]) -> None:
    assert confusion_shares(np.array([0, 1]), np.array(targets), 2) is None


def test_a_panel_has_the_percentages_and_the_names() -> None:
    ax = draw_confusion(Figure().subplots(), np.array([[75.0, 25.0], [0.2, 99.8]]), ["cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["75", "25", "100"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    many = draw_confusion(Figure().subplots(), np.eye(40) * 100)
    assert not many.texts
    panels = [
        ConfusionPanel("a$b", np.eye(2)),
        ConfusionPanel("_c"),
        ConfusionPanel("d", np.eye(2)),
        ConfusionPanel("e"),
    ]
    figure = confusion_figure(panels)
    figure.draw_without_rendering()
    assert "no predictions" in figure.axes[1].texts[0].get_text()


def test_networks_of_classes_have_one_and_others_have_not(run: Any) -> None:
    figure, caption = drawn(keep(run(TOY), 2), "confusion")
    assert len(figure.axes) == 3
    assert "the mean of the replicates" in caption
    assert drawn(keep(run(GAUSSIAN), 10), "confusion") is None


OUTS = """
def train(trial, *, shift: int = 0, many: bool = True):
    for epoch in trial.epochs():
        outputs = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]] if many else [1, 0, 0, 0]
        trial.predictions(outputs, targets=[0, 1, 2, shift] if many else None)
        trial.report(validation_accuracy=1, validation_loss=1)
"""
TABLE = """
seeds: 2
base: {trainer: 'outs:train', epochs: 2}
figures: [curves, confusion]
tables:
  - {factor: shift, levels: [0, 1]}
  - {factor: many, levels: [false, true]}
"""


def test_a_training_function_that_gives_targets_has_one_in_the_report(tmp_path: Path) -> None:
    own = Own(tmp_path)
    own.module(outs=OUTS)
    evidence = gather(own.run(own.study(TABLE + METRICS)))
    first, second = sections_of(evidence, None)
    assert [picture.name for picture in first.pictures] == ["shift", "shift-confusion"]
    assert first.view is not None
    assert second.view is not None
    found = drawing("confusion")(first.view, evidence)
    assert found is not None
    texts = [[text.get_text() for text in ax.texts] for ax in found[0].axes[:2]]
    assert texts == [["100", "100", "100"], ["100", "50", "50", "100"]]
    found = drawing("confusion")(second.view, evidence)
    assert found is not None
    assert "no predictions" in found[0].axes[0].texts[0].get_text()
