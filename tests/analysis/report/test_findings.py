"""What all tables of a report show together."""

from typing import Any

from analysis.report.findings import findings
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""


def test_findings_hold_over_all_tables(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (5 + config.hidden_units)) % 5 * 0.6
        return fate(last=90.0 - 8.0 * (config.hidden_units == 4) + noise)

    ran = run(STUDY, seeds=10, fates=fates)
    (words,) = findings([ran.view("hidden_units"), ran.view("learning_rate")])
    assert words.startswith("Over 3 comparisons in 2 tables, 1 difference can be built on: Width, 4: worse, −")
    assert "at most 5% of them are false" in words


def test_without_a_finding_the_report_says_so(run: Any, fate: Any) -> None:
    ran = run(STUDY, seeds=4, fates=lambda config: fate(last=90.0 + (config.seed * config.hidden_units) % 5))
    (words,) = findings([ran.view("hidden_units")])
    assert words == "Over 2 comparisons in 1 table, no difference holds for the report as a whole."
    assert findings([run(STUDY, seeds=1).view("hidden_units")]) == []
