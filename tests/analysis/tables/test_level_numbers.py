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


CROSSED = """\
title: A factor alone and crossed
base: {dataset: digits, hidden_units: 8, hidden_layers: 1, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [16, 4, 8]}
  - {title: Both, name: both, cross: {hidden_layers: [1, 2], hidden_units: [4, 8, 12]}}
"""


def test_a_level_of_a_crossed_factor_has_the_colour_of_its_own_table(run: Any) -> None:
    views = {section.name: section.view for section in sections_of(run(CROSSED).evidence, None) if section.view}
    alone, crossed = views["hidden_units"], views["both"]
    own = {line.labels[0]: styles(alone)[line.position][0] for line in alone.lines}
    looks = {line.labels: styles(crossed)[line.position] for line in crossed.lines}
    for (layers, units), (colour, dashes) in looks.items():
        assert colour == own.get(units, colour)
        assert (dashes == "-") == (layers == "1")
    assert looks["1", "8"] == (DEFAULT_COLOUR, "-")
    assert len(set(looks.values())) == len(looks)


def test_a_table_by_itself_counts_its_own_levels(run: Any) -> None:
    view = run(STUDY).view("again")
    assert not view.numbers
    assert len(set(styles(view).values())) == 4
