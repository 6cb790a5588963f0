"""Numbers and columns as text; what a whole table says is tested with the tables."""

from typing import Any

import pytest

from analysis.tables.columns import columns, format_estimate
from analysis.text import format_number

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - factor: hidden_units
    levels: [4, 8]
"""


def test_every_column_has_a_cell_for_each_level(run: Any, fate: Any) -> None:
    ran = run(STUDY, fates=lambda config: fate("missing" if config.seed and config.hidden_units == 4 else "completed"))
    shown = columns(ran.view("hidden_units"))
    assert {len(column.cells) for column in shown} == {2}
    assert [column.kind for column in shown] == ["words", *["number"] * 5, "note"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(-0.001, 2, "0.00"), (-1.5, 1, "−1.5"), (30512.4, 0, "30,512"), (0.0, 2, "0.00")],
)
def test_numbers(value: float, decimals: int, text: str) -> None:
    assert format_number(value, decimals) == text


def test_nothing_is_a_dash() -> None:
    assert format_estimate(None, 2) == "–"
