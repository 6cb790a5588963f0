"""What all tables show together, in sentences."""

import re
import zlib
from typing import Any

from analysis.report.difference_sentences import difference_sentences
from analysis.report.differences import differences

STUDY = """\
title: Two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
"""
MANY = """\
title: Many tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.01]}
  - {title: Batch, factor: batch_size, levels: [32, 64]}
  - {title: Activation, factor: activation, levels: [relu, tanh]}
"""
SIZE = r"[+−]\d+\.\d points, −\d+\.\d to \d+\.\d"


def test_a_level_without_a_clear_difference_has_its_size_and_what_it_would_have_taken(run: Any, fate: Any) -> None:
    noisy = run(STUDY, seeds=4, fates=lambda config: fate(last=90.0 + (config.seed * config.hidden_units) % 5))
    first, second = difference_sentences(differences([noisy.view("hidden_units")]))
    assert first == "No difference holds over the 2 comparisons of this report."
    words = f"Hidden layer size: no clear difference for 4 \\({SIZE}\\) and 16 \\({SIZE}\\) against 8 with 4 seeds; "
    assert re.match(words, second)
    assert "a difference of 1 point would have needed about " in second


def test_many_factors_without_a_clear_difference_name_the_largest_of_each(run: Any, fate: Any) -> None:
    def fates(config: Any) -> Any:
        level = (config.hidden_units, config.learning_rate, config.batch_size, config.activation, config.seed)
        return fate(last=90.0 + zlib.crc32(repr(level).encode()) % 100 / 20)

    ran = run(MANY, seeds=4, fates=fates)
    names = ("hidden_units", "learning_rate", "batch_size", "activation")
    words = " ".join(difference_sentences(differences([ran.view(name) for name in names])))
    assert "No clear difference with 4 seeds: " in words
    for name, level in (("hidden layer size", "4"), ("learning rate", "0.01"), ("batch size", "64")):
        assert re.search(rf"{name} \({level}: {SIZE}\)", words)
