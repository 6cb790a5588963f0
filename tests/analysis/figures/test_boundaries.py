"""Decision boundaries: where they are drawn, and what stands in place of one."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.boundaries import BoundaryPanel, boundaries_caption, boundaries_figure, draw_decision
from analysis.frames.decisions import decision
from tests.analysis.figures.kept import GAUSSIAN, TOY, drawn, keep
from tests.analysis.frames.test_decisions import REACH, SIDE, grid, learnt, stored


def test_each_class_and_each_miss_is_drawn() -> None:
    data = stored()
    data["targets"][:2] = 1 - data["targets"][:2]
    own = decision(grid()[:, :1], data["inputs"][:, :1], data, objective="bce_with_logits", reach=REACH)
    ax = draw_decision(Figure().subplots(), own)
    ones = int(data["targets"].sum())
    assert [len(line.get_xdata()) for line in ax.lines] == [12 - ones, ones, 2]
    assert ax.get_xlim() == (-REACH, REACH)
    left, right, _, _ = ax.images[0].get_extent()
    assert right - left == pytest.approx(2 * REACH * SIDE / (SIDE - 1)), "grid points are centres of pixels"
    (vertices,) = (path.vertices for path in ax.collections[0].get_paths())
    np.testing.assert_allclose(vertices[:, 0], 0, atol=1e-9)


def test_panels_are_in_rows_with_the_accuracy_in_their_titles() -> None:
    panels = [BoundaryPanel(str(number), learnt()) for number in range(6)] + [BoundaryPanel("7*", note="diverged")]
    figure = boundaries_figure(panels, names=("x", "y"))
    shown = [ax for ax in figure.axes if ax.axison and ax.get_title()]
    assert [ax.get_title() for ax in shown] == [*(f"{number}\n100.0%" for number in range(6)), "7*"]
    assert [text.get_text() for text in shown[6].texts] == ["diverged"]
    assert [ax.get_xlabel() for ax in shown] == [*[""] * 3, *["x"] * 4], "the lowest of each column"
    assert [ax.get_ylabel() for ax in shown] == ["y", *[""] * 3, "y", "", ""]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "Class 0",
        "Class 1",
        "Misclassified",
        "Boundary",
    ]
    figure.draw_without_rendering()


def test_problems_of_different_extent_have_axes_of_their_own() -> None:
    wide = learnt(input_offset=np.zeros(2), input_scale=np.full(2, 3.0))
    figure = boundaries_figure([BoundaryPanel("a", learnt()), BoundaryPanel("b", wide)])
    assert [ax.get_xlim() for ax in figure.axes[:2]] == [(-2.0, 2.0), (-6.0, 6.0)]


@pytest.mark.parametrize("label", ["_hidden", "a $ b $ c", "a level that has a name of many words in it"])
def test_odd_labels_are_drawn(label: str) -> None:
    figure = boundaries_figure([BoundaryPanel(label, learnt()), BoundaryPanel(label, note="not run")])
    figure.draw_without_rendering()
    title = figure.axes[0].get_title().replace(r"\$", "$").split()
    assert title == [*label.split(), "100.0%"]


def test_a_network_that_predicts_one_class_has_no_boundary() -> None:
    data = stored()
    own = decision(np.ones((SIDE**2, 1)), np.ones((12, 1)), data, objective="mse", reach=REACH)
    assert not draw_decision(Figure().subplots(), own).collections
    boundaries_figure([BoundaryPanel("one", own)]).draw_without_rendering()


def test_no_panels_are_refused_and_no_decision_is_drawn() -> None:
    with pytest.raises(ValueError, match="at least one"):
        boundaries_figure([])
    boundaries_figure([BoundaryPanel("a", note="not run")]).draw_without_rendering()


def test_the_caption_names_the_replicate_and_the_levels() -> None:
    words = boundaries_caption("Depth", ["Hidden layers", "Neurons"], replicate="seed 3")
    assert "seed 3" in words
    assert "hidden layers and Neurons" in words


def titles(figure: Any) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def test_boundaries_are_a_panel_for_each_level(run: Any, fate: Any) -> None:
    ran = run(
        TOY,
        fates=lambda config: {
            "tanh": fate("diverged", 2, "not finite"),
            "sigmoid": fate("missing"),
        }.get(config.activation, fate(last=100.0)),
    )
    figure, caption = drawn(keep(ran, 2), "decision_boundary")
    assert titles(figure) == ["ReLU*\n100.0%", "Tanh", "Sigmoid"]
    written = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert {"diverged", "not run yet"} <= set(written)
    image = figure.axes[0].images[0]
    np.testing.assert_allclose(image.get_array(), [[-1, 1], [-1, 1]])
    assert "the network of seed 0 " in caption


def test_boundaries_need_kept_predictions(run: Any, fate: Any) -> None:
    assert drawn(run(TOY), "decision_boundary") is None, "inputs were not kept"
    without = run(TOY, fates=lambda config: fate(last=100.0, changes={"grid_outputs": ()}))
    assert drawn(keep(without, 2), "decision_boundary") is None


def test_boundaries_of_many_levels_show_the_first(run: Any) -> None:
    levels = list(range(2, 20))
    ran = run(TOY.replace("activation, levels: [relu, tanh, sigmoid]", f"hidden_units, levels: {levels}"), seeds=1)
    figure, caption = drawn(keep(ran, 2), "decision_boundary", "hidden_units")
    assert len(titles(figure)) == 15
    assert caption.endswith("The first 15 of 18 levels are shown.")


def test_other_inputs_have_no_boundary(run: Any) -> None:
    ran = run(GAUSSIAN)
    assert drawn(ran, "decision_boundary") is None


def test_boundaries_over_transformed_inputs_are_left_out_with_a_reason(run: Any) -> None:
    text = TOY.replace(
        "factor: activation, levels: [relu, tanh, sigmoid]", "factor: input_transform, levels: [none, log1p]"
    )
    figure, _ = drawn(keep(run(text), 2), "decision_boundary", "input_transform")
    written = " ".join(text.get_text() for ax in figure.axes for text in ax.texts).replace("\n", " ")
    assert "its inputs are transformed" in written
