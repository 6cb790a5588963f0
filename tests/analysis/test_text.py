"""Numbers as text."""

import pytest

from analysis.text import difference_unit, format_number, format_range, heading_within, p_text, within_sentence


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(-0.001, 2, "0.00"), (-1.5, 1, "−1.5"), (30512.4, 0, "30,512"), (0.0, 2, "0.00")],
)
def test_numbers(value: float, decimals: int, text: str) -> None:
    assert format_number(value, decimals) == text


def test_a_range_is_cut_at_its_limits() -> None:
    assert format_range(97.06, 101.2, 1, (0.0, 100.0)) == "97.1 to 100.0"
    assert format_range(-0.5, 1.0, 1) == "−0.5 to 1.0"


def test_percentages_differ_by_points() -> None:
    assert (difference_unit("%"), difference_unit("dollars")) == ("points", "dollars")


def test_abbreviations_keep_their_capitals_within_a_sentence() -> None:
    assert (within_sentence("Accuracy"), within_sentence("RMSE")) == ("accuracy", "RMSE")


def test_a_small_p_value_is_not_written_as_zero() -> None:
    assert (p_text(0.0311), p_text(1e-9)) == ("p = 0.031", "p < 0.001")


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Number of Layers", "number of layers"),
        ("Optimizer (learning rate)", "optimizer (learning rate)"),
        ("L2 Penalty", "L2 penalty"),
        ("RMSE", "RMSE"),
        ("Impact of Adam", "impact of adam"),
        ("Sampled by Bayes rule", "sampled by Bayes rule"),
    ],
)
def test_a_heading_within_a_sentence_keeps_its_abbreviations(heading: str, words: str) -> None:
    assert heading_within(heading) == words
