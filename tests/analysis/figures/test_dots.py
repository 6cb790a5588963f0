"""Levels as dots, where curves say nothing."""

from typing import Any

import pytest

from analysis.figures.curves import draw
from analysis.figures.dots import dots_figure
from analysis.figures.losses import draw as draw_losses

ONE_EPOCH = """\
base: {dataset: digits, hidden_units: 8, epochs: 1}
tables:
  - {factor: hidden_units, levels: [4, 8, 16]}
"""
MANY = """\
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - {factor: hidden_units, levels: [2, 4, 6, 8, 10, 12, 14]}
"""


@pytest.mark.parametrize("study", [ONE_EPOCH, MANY])
def test_one_epoch_and_many_levels_are_dots_with_intervals(run: Any, study: str) -> None:
    ran = run(study)
    view = ran.view("hidden_units")
    figure, caption = draw(view, ran.evidence)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        label.replace("8", "8*") if label == "8" else label for (label,) in (line.labels for line in view.lines)
    ]
    means = [line for line in ax.lines if line.get_label() == "_mean"]
    assert [float(line.get_xdata()[0]) for line in means] == pytest.approx(
        [line.estimates["validation_metric"].mean for line in view.lines]
    )
    assert "Dots are means with 95% intervals" in caption


def test_a_few_levels_of_several_epochs_are_curves(run: Any) -> None:
    ran = run(ONE_EPOCH.replace("epochs: 1", "epochs: 3"))
    figure, caption = draw(ran.view("hidden_units"), ran.evidence)
    assert figure.axes[0].get_xlabel() == "Epoch"
    assert "after each epoch" in caption


def test_losses_of_one_epoch_are_no_figure(run: Any) -> None:
    ran = run(ONE_EPOCH)
    assert draw_losses(ran.view("hidden_units"), ran.evidence) is None


def test_a_level_far_from_the_others_is_named_at_the_edge(run: Any, fate: Any) -> None:
    ran = run(MANY, fates=lambda config: fate(last=11.0 if config.hidden_units == 2 else 96.0 + config.seed / 4))
    (ax,) = dots_figure(ran.view("hidden_units"), ran.trials).axes
    assert ax.get_xlim()[0] > 50
    assert [text.get_text() for text in ax.texts] == ["← 11"]
