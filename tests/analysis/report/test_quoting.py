"""How a difference is quoted."""

import re
from typing import Any

import pytest

from analysis.report.findings import findings_of

STUDY = """\
title: A table
{splits}
base: {{dataset: digits, hidden_units: 8, epochs: 2}}
tables:
  - {{title: Width, factor: hidden_units, levels: [4, 8, 16]}}
"""


@pytest.mark.parametrize(
    ("splits", "over"), [("", "on one split"), ("splits: validation", "each with its own validation part")]
)
def test_a_difference_has_interval_correction_and_replicates(run: Any, fate: Any, splits: str, over: str) -> None:
    def fates(config: Any) -> Any:
        return fate(last=90.0 - 8.0 * (config.hidden_units == 4) + config.seed * (1 + config.hidden_units) % 3 * 0.5)

    (words,) = findings_of(run(STUDY.format(splits=splits), seeds=5, fates=fates).evidence).quote
    number = (
        r"−\d+\.\d points in validation accuracy \(95% interval −\d+\.\d to −\d+\.\d, corrected for 2 comparisons\)"
    )
    assert re.match(f"“Hidden layer size 4 in place of 8: {number}, mean of 5 pairs of seeds,? {over}”", words)


def test_one_seed_has_nothing_to_quote(run: Any) -> None:
    assert findings_of(run(STUDY.format(splits=""), seeds=1).evidence).quote == ()
