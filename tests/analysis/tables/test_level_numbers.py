"""A level of a factor has one number, and one colour, in all tables of a report."""

from typing import Any

from analysis.figures.series import styles
from analysis.figures.style import DEFAULT_COLOUR
from analysis.report.outline import sections_of

STUDY = """\
title: One factor in two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1, 0.01]}
  - {title: Rate again, name: again, base: {hidden_units: 4}, factor: learning_rate, levels: [0.001, 0.02, 0.01, 0.1]}
  - {title: Width, factor: hidden_units, levels: [8, 16]}
"""


def test_equal_levels_look_alike_in_all_tables_of_their_factor(run: Any) -> None:
    views = [section.view for section in sections_of(run(STUDY).evidence, None) if section.view is not None]
    looks = [{line.labels[0]: styles(view)[line.position] for line in view.lines} for view in views]
    for level in ("0.1", "0.01", "0.001"):
        assert looks[0][level] == looks[1][level]
    assert looks[0]["0.001"][0] == DEFAULT_COLOUR
    for found in looks:
        assert len(set(found.values())) == len(found)


def test_a_table_by_itself_counts_its_own_levels(run: Any) -> None:
    view = run(STUDY).view("again")
    assert not view.numbers
    assert len(set(styles(view).values())) == 4
