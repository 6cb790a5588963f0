"""Figures of validation images: what is chosen, how it is drawn, and where it stands in a report."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from analysis.figures.images import mosaic, picture, samples_caption, samples_figure, worst_caption, worst_figure
from analysis.frames.images import DatasetImages, Worst, class_probabilities, misjudged
from analysis.report.report import write_report
from tests.tune_jobs.ledger.kept_images import keep_images, kept_of
from tune_jobs.trial.config import TrialConfig

STUDY = """\
base: {dataset: digits, hidden_units: 4, epochs: 3}
tables:
  - {factor: activation, levels: [relu, tanh]}
"""
FINAL = STUDY + "final: {activation: tanh}\n"
KEPT = kept_of([0, 1, 2, 1])


def test_the_worst_have_the_lowest_probability_of_their_class() -> None:
    outputs = np.log(np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]]))
    worst, wrong = misjudged(outputs.astype(np.float32), KEPT, objective="cross_entropy", most=3)
    assert [(one.own, one.predicted) for one in worst] == [(1, 0), (1, 0), (0, 0)]
    assert [one.own_probability for one in worst] == pytest.approx([0.05, 0.3, 0.7])
    assert [one.predicted_probability for one in worst] == pytest.approx([0.9, 0.6, 0.7])
    assert wrong == 2
    assert np.array_equal(worst[0].image, KEPT.images[3])


@pytest.mark.parametrize("objective", ["mse", "bce_with_logits"])
def test_without_probabilities_the_worst_have_the_largest_loss(objective: str) -> None:
    outputs = np.array([[4, -4, -4], [-4, 4, -4], [6, -4, -4], [-4, 5, -4]], dtype=np.float32)
    worst, wrong = misjudged(outputs, KEPT, objective=objective, most=1)
    assert (worst[0].own, worst[0].predicted, worst[0].own_probability, wrong) == (2, 0, None, 1)
    assert np.array_equal(worst[0].image, KEPT.images[2])


def test_one_logit_is_the_probability_of_the_second_class() -> None:
    shares = class_probabilities(np.array([[0.0], [np.log(3.0)]], dtype=np.float32), objective="bce_with_logits")
    assert shares is not None
    assert np.allclose(shares, [[0.5, 0.5], [0.25, 0.75]])


def test_images_are_joined_with_transparent_gaps() -> None:
    board, height, width = mosaic([KEPT.images[:2], KEPT.images[2:3]])
    assert board.shape == (2 * height - 1, 2 * width - 1, 4)
    assert np.array_equal(board[:8, width : width + 8, 0], KEPT.images[1, 0])
    assert not board[8:height, :, 3].any()
    assert not board[height:, width:, 3].any()
    assert board[height:, :8, 3].all()


def test_colours_stay_and_large_images_are_thinned_out() -> None:
    image = np.arange(3 * 130 * 100, dtype=np.uint32).reshape(3, 130, 100).astype(np.uint8)
    drawn = picture(image)
    assert drawn.shape == (44, 34, 3)
    assert drawn[1, 2].tolist() == image[:, 3, 6].tolist()


def test_figures_name_classes_and_captions_say_of_how_many() -> None:
    part = dataclasses.replace(TrialConfig().dataset_info, class_names=("cat", "$dog", *"cdefghij"))
    images = DatasetImages(TrialConfig(info=part), kept_of([0, 1, 2, 1], of_rows=5000))
    figure = samples_figure(images)
    figure.draw_without_rendering()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][:3] == ["cat", r"\$dog", "c"]
    assert "4 of the 5,000 validation images" in samples_caption(images)
    shown, wrong = misjudged(np.eye(10, dtype=np.float32)[[1, 1, 2, 1]] * 20, KEPT, objective="cross_entropy", most=2)
    figure = worst_figure(shown, part.class_names)
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlabel() == "class cat: <0.1%\npredicted \\$dog: 100%"
    caption = worst_caption(Worst(0, 7, 3, shown, wrong, images.kept), images, "relu")
    assert "relu, replicate of seed 7, after epoch 3" in caption
    assert "1 is classified wrongly" in caption


def test_a_page_shows_the_images_of_the_final_configuration(run: Any, tmp_path: Any) -> None:
    written = write_report(keep_images(run(FINAL)).standing, tmp_path)
    page = written.html.read_text()
    assert 'data-figure="validation-images"' in page
    assert 'data-figure="worst-images"' in page
    assert re.search(r'<image [^>]*href="data:image/png;base64,', page)
    assert "img-src data:" in page
    # Two decimals of the scale would leave a gap, or an image over the next.
    assert re.search(r'<image [^>]*transform="matrix\(\d+\.\d{3,}', page)
    assert "Final configuration, replicate of seed 0" in written.drawn["worst-images"][1]
    assert "worst-images" in written.latex.read_text()
    assert {"worst-images.pdf", "worst-images.png"} <= {path.name for path in written.figures}


def test_without_a_final_configuration_the_best_row_is_shown(run: Any, tmp_path: Any) -> None:
    ran = run(STUDY)
    caption = write_report(keep_images(ran).standing, tmp_path).drawn["worst-images"][1]
    best = max(ran.view("activation").lines, key=lambda line: line.estimates["validation_metric"].mean)
    assert f"{best.labels[0]} of {ran.view('activation').title}, the best mean" in caption


def test_images_of_another_split_show_only_the_data(run: Any, tmp_path: Any) -> None:
    drawn = write_report(keep_images(run(STUDY), split_seed=99).standing, tmp_path).drawn
    assert "validation-images" in drawn
    assert "worst-images" not in drawn


def test_a_ledger_without_images_has_no_such_section(run: Any, tmp_path: Any) -> None:
    written = write_report(run(STUDY).standing, tmp_path)
    assert "Validation images" not in written.html.read_text()
