"""The default configuration in words."""

from typing import Any

from analysis.report.defaults import default_sentences

ONE = """\
title: One default
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.01]}
"""
SEVERAL = (
    ONE
    + """\
  - {title: Long, name: long, base: {epochs: 5}, factor: hidden_units, levels: [4, 8]}
"""
)
FINAL = """\
title: No default
base: {dataset: digits, hidden_units: 8, epochs: 2}
final: {hidden_units: 16}
"""


def test_tables_with_the_same_default_say_it_once_in_full(run: Any) -> None:
    (words,) = default_sentences(run(ONE).evidence)
    assert words.startswith("Default: network MLP, ")
    for part in ("hidden layer size 8", "optimizer Adam", "learning rate 0.001", "batch size", "number of epochs 2"):
        assert part in words
    assert "seed" not in words


def test_another_default_says_what_it_changes(run: Any) -> None:
    (words,) = default_sentences(run(SEVERAL).evidence)
    assert words.startswith("Default of 2 tables: network MLP, ")
    assert words.endswith("; of 1 table: the same with number of epochs 5.")


def test_without_a_default_nothing_is_said(run: Any) -> None:
    assert default_sentences(run(FINAL).evidence) == []
