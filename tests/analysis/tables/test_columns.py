"""Columns as text; what a whole table says is tested with the tables."""

from typing import Any

from analysis.tables.columns import columns

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
