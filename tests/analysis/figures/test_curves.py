"""Curves over the epochs: the lines that are drawn."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.curves import PANELS, curves_caption, curves_figure, draw_loss, draw_metric
from analysis.figures.series import series_of
from analysis.figures.style import DEFAULT_COLOUR, PALETTE
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, epochs: 8}
tables:
  - factor: hidden_units
    levels: [4, 8, 16]
  - factor: epochs
    levels: [2, 8, 12]
  - factor: objective
    levels: [cross_entropy, mse]
"""
CROSSED = """\
title: Crossed
base: {dataset: digits, network: cnn, hidden_units: 4, epochs: 2, padding: 0, pooling: false}
tables:
  - name: grid
    cross:
      hidden_layers: [1, 2, 3, 4]
      kernel_size: [3, 4, 5]
"""


def metric_axes(ran: Any, name: str) -> Axes:
    view = ran.view(name)
    return draw_metric(Figure().subplots(), view, series_of(view, ran.curves, ran.trials))


def named(ax: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}


def test_a_line_is_the_mean_of_its_replicates(run: Any) -> None:
    ran = run(STUDY)
    ax = metric_axes(ran, "hidden_units")
    lines = named(ax)
    assert list(lines) == ["4", "8*", "16"]
    own = ran.curves[ran.curves["position"] == 0]
    np.testing.assert_array_equal(lines["4"].get_xdata(), range(1, 9))
    np.testing.assert_allclose(lines["4"].get_ydata(), own.groupby("epoch")["validation_metric"].mean())
    assert len(ax.collections) == 3, "a band for each"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Validation Accuracy (%)")


def test_one_replicate_has_no_band(run: Any) -> None:
    assert not metric_axes(run(STUDY, seeds=1), "hidden_units").collections


def test_the_default_is_black_and_thick(run: Any) -> None:
    lines = named(metric_axes(run(STUDY), "hidden_units"))
    default = lines.pop("8*")
    assert to_hex(default.get_color()) == DEFAULT_COLOUR
    assert all(default.get_linewidth() > line.get_linewidth() for line in lines.values())
    assert {to_hex(line.get_color()).upper() for line in lines.values()} <= set(PALETTE)


def test_levels_of_one_trajectory_share_a_line_with_marks(run: Any) -> None:
    ran = run(STUDY)
    ax = metric_axes(ran, "epochs")
    lines = named(ax)
    assert list(lines) == ["2, 8*, 12\n(one trajectory, marked)"]
    np.testing.assert_array_equal(next(iter(lines.values())).get_xdata(), range(1, 13))
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(mark.get_xdata()[0]) for mark in marks] == [2, 8, 12]
    assert [text.get_text() for text in ax.texts] == ["2", "8*", "12"]
    means = ran.trials[ran.trials["table"] == "epochs"].groupby("position")["validation_metric"].mean()
    np.testing.assert_allclose([float(mark.get_ydata()[0]) for mark in marks], means)
    low, high = ax.get_ylim()
    assert all(low < mean < high for mean in means)


def test_long_marks_are_letters_that_the_legend_explains(run: Any) -> None:
    text = STUDY.replace("levels: [2, 8, 12]", "levels: [{label: stopped by eye, value: 2}, 8, 12]")
    ax = metric_axes(run(text), "epochs")
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]
    assert list(named(ax)) == ["a: stopped by eye\nb: 8*\nc: 12\n(one trajectory, marked)"]


def test_the_figure_is_as_high_as_its_legend(run: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    text = CROSSED.replace("hidden_layers: [1, 2, 3, 4]", "hidden_layers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")
    ran = run(text)
    view = ran.view("grid")
    figure = curves_figure(view, series_of(view, ran.curves, ran.trials))
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.y0 >= 0
    assert box.y1 <= figure.bbox.height


def test_a_level_that_diverged_has_no_mean_and_ends(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("diverged", 5, "no") if config.hidden_units == 4 and config.seed else fate()

    ax = metric_axes(run(STUDY, fates=fates), "hidden_units")
    label = "4 (diverged in 2 of 3)"
    assert list(named(ax)) == [label, "8*", "16"]
    colour = named(ax)[label].get_color()
    replicates = [line for line in ax.lines if line.get_color() == colour and line.get_marker() != "x"]
    assert [len(line.get_xdata()) for line in replicates] == [8, 4, 4]
    assert all(np.isfinite(line.get_ydata()).all() for line in replicates)
    assert len([line for line in ax.lines if line.get_marker() == "x"]) == 3


def test_a_level_without_a_curve_is_named(run: Any, fate: Any) -> None:
    ran = run(STUDY, fates=lambda config: fate("missing" if config.hidden_units == 16 else "completed"))
    line = named(metric_axes(ran, "hidden_units"))["16 (not run)"]
    assert len(line.get_xdata()) == 0


def test_collapsed_levels_are_named_at_the_edge(run: Any, fate: Any) -> None:
    last = {4: 16.23, 8: 97.0, 16: 98.0}
    ax = metric_axes(run(STUDY, fates=lambda config: fate(last=last[config.hidden_units])), "hidden_units")
    low, high = ax.get_ylim()
    assert low > 16.23
    assert high > 98
    assert [text.get_text() for text in ax.texts] == ["↓ 4: ends at 16.2"]


def test_levels_that_differ_little_all_stay_on_the_axis(run: Any, fate: Any) -> None:
    last = {4: 93.0, 8: 97.0, 16: 98.0}
    ax = metric_axes(run(STUDY, fates=lambda config: fate(last=last[config.hidden_units])), "hidden_units")
    assert ax.get_ylim()[0] < 93
    assert not ax.texts


def test_a_large_error_is_named_at_the_top(run: Any, fate: Any) -> None:
    study = STUDY.replace("dataset: digits", "dataset: house_prices, objective: mse").partition(
        "  - factor: objective"
    )[0]
    last = {4: 900_000.0, 8: 31_000.0, 16: 30_000.0}
    ax = metric_axes(run(study, fates=lambda config: fate(last=last[config.hidden_units])), "hidden_units")
    assert ax.get_ylabel() == "Validation RMSE (dollars)"
    assert [text.get_text() for text in ax.texts] == ["↑ 4: ends at 900,000"]


def test_many_crossed_levels_are_told_apart(run: Any) -> None:
    ran = run(CROSSED)
    series = series_of(ran.view("grid"), ran.curves, ran.trials)
    drawn = [entry for entry in series if not entry.curves.empty]
    assert len(drawn) == 6
    assert len({(entry.colour, entry.dashes) for entry in drawn}) == len(drawn)
    assert sum(entry.ended == "cannot be built" for entry in series) == 12 - len(drawn)


def test_losses_are_drawn_where_levels_share_them(run: Any) -> None:
    ran = run(STUDY)
    widths, objectives = ran.view("hidden_units"), ran.view("objective")
    assert [panel.fits(widths) for panel in PANELS] == [True, True]
    assert [panel.fits(objectives) for panel in PANELS] == [True, False]
    ax = draw_loss(Figure().subplots(), widths, series_of(widths, ran.curves, ran.trials))
    assert ax.get_ylabel() == "Train Loss (Cross-Entropy)"
    assert ax.get_yscale() == "log"


def test_a_negative_loss_has_a_linear_axis(run: Any, fate: Any) -> None:
    negative = fate(changes={"train_loss": tuple(-0.1 * epoch for epoch in range(1, 13))})
    ran = run(STUDY, fates=lambda config: negative)
    view = ran.view("hidden_units")
    ax = draw_loss(Figure().subplots(), view, series_of(view, ran.curves, ran.trials))
    assert ax.get_yscale() == "linear"


@pytest.mark.parametrize("label", ["_hidden", "a $ b $ c", "x_1^2"])
def test_odd_labels_are_in_the_legend_as_they_are(run: Any, label: str) -> None:
    study = (
        STUDY.partition("  - factor")[0] + f"  - name: odd\n    levels: [{{label: '{label}', set: {{epochs: 4}}}}]\n"
    )
    ran = run(study)
    view = ran.view("odd")
    figure = curves_figure(view, series_of(view, ran.curves, ran.trials))
    texts = [text.get_text().replace(r"\$", "$").strip() for text in figure.legends[0].get_texts()]
    assert texts == [label]
    figure.draw_without_rendering()


def test_the_caption_says_what_the_band_is(run: Any) -> None:
    assert "lowest to highest replicate" in curves_caption(run(STUDY).view("hidden_units"))
    assert "band" not in curves_caption(run(STUDY, seeds=1).view("hidden_units"))
