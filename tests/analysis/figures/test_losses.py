"""Train and validation loss side by side."""

from typing import Any

import numpy as np

from analysis.figures.losses import LOSSES, losses_caption, losses_figure
from analysis.figures.series import series_of
from tests.analysis.figures.test_curves import STUDY, named
from tune_jobs.trial.config import TrialConfig


def test_train_and_validation_loss_share_their_limits(run: Any) -> None:
    ran = run(STUDY)
    view = ran.view("hidden_units")
    figure = losses_figure(view, series_of(view, ran.curves, ran.trials))
    train, validation = figure.axes
    assert train.get_ylabel() == "Train Loss (Cross-Entropy)"
    assert validation.get_ylabel() == "Validation Loss (Cross-Entropy)"
    assert train.get_ylim() == validation.get_ylim()
    assert (train.get_yscale(), validation.get_yscale()) == ("log", "log")
    own = ran.curves[ran.curves["position"] == 0].groupby("epoch")
    for ax, value in zip((train, validation), LOSSES, strict=True):
        np.testing.assert_allclose(named(ax)["4"].get_ydata(), own[value].mean())
    figure.draw_without_rendering()


def test_losses_of_different_kinds_are_both_drawn(run: Any) -> None:
    ran = run(STUDY)
    view = ran.view("objective")
    series = series_of(view, ran.curves, ran.trials)
    figure = losses_figure(view, series)
    assert figure.axes[0].get_ylabel() == "Train Loss (differs by level)"
    assert list(named(figure.axes[1])) == ["Cross-Entropy*", "MSE"]
    assert "cannot be compared" in losses_caption(view, series)
    own = ran.view("hidden_units")
    assert "cannot be compared" not in losses_caption(own, series_of(own, ran.curves, ran.trials))


def test_negative_losses_share_a_linear_axis(run: Any, fate: Any) -> None:
    train, validation = (tuple(start - 0.1 * epoch for epoch in range(1, 13)) for start in (0.0, 0.5))
    negative = fate(changes={"train_loss": train, "validation_loss": validation})
    ran = run(STUDY, fates=lambda config: negative)
    view = ran.view("hidden_units")
    series = series_of(view, ran.curves, ran.trials)
    figure = losses_figure(view, series)
    assert {ax.get_yscale() for ax in figure.axes} == {"linear"}
    low, high = figure.axes[0].get_ylim()
    assert low < -0.8
    assert high > 0.2
    assert "may leave out the first epochs" in losses_caption(view, series)


def test_a_level_that_diverged_does_not_stretch_the_losses(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        exploded = (1.0, 1e20, 1e30, np.nan)
        return fate("diverged", 4, changes={"train_loss": exploded}) if config.hidden_units == 4 else fate()

    ran = run(STUDY, fates=fates)
    view = ran.view("hidden_units")
    figure = losses_figure(view, series_of(view, ran.curves, ran.trials))
    assert figure.axes[0].get_ylim()[1] < 10


def test_a_long_label_is_in_lines(run: Any) -> None:
    label = "5 hidden layers of 60, learning rate 0.00005, no weight decay"
    study = (
        STUDY.partition("  - factor")[0] + f"  - name: long\n    levels: [{{label: '{label}', set: {{epochs: 4}}}}]\n"
    )
    ran = run(study)
    view = ran.view("long")
    figure = losses_figure(view, series_of(view, ran.curves, ran.trials))
    (text,) = figure.legends[0].get_texts()
    assert text.get_text().replace("\n", " ") == label
    assert max(map(len, text.get_text().split("\n"))) <= 30
