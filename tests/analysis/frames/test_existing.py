"""Results from elsewhere and the same numbers in a ledger make the same tables."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from analysis.frames.existing import existing_evidence
from analysis.statistics.comparisons import EQUAL, UNCLEAR, Comparison
from analysis.tables.building import build_table
from analysis.tables.tables import COMPARED
from tune_jobs.existing.as_study import as_study
from tune_jobs.existing.columns import Told
from tune_jobs.existing.layout import lay_out
from tune_jobs.existing.looking import look
from tune_jobs.existing.tabular import results_of

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, learning_rate: 0.01, epochs: 4}
tables:
  - factor: hidden_units
    levels: [4, 8, 16, 32]
  - factor: learning_rate
    levels: [0.001, 0.01, 0.1]
"""


def without_margin(comparison: Comparison | None) -> Comparison | None:
    """A comparison without what the size of the validation part decides."""
    if comparison is None:
        return None
    return replace(comparison, margin=None, verdict=comparison.verdict.replace(EQUAL, UNCLEAR))


@pytest.mark.parametrize("every_epoch", [False, True])
def test_the_tables_are_those_of_the_same_numbers_in_a_ledger(run: Any, every_epoch: bool) -> None:
    ran = run(STUDY)
    trials, curves = ran.trials, ran.curves
    lines = curves if every_epoch else trials[["position", "seed", "epoch", "validation_metric", "train_seconds"]]
    configs = [row.config for row in ran.rows]
    frame = pd.DataFrame(
        {
            "hidden_units": [configs[place].hidden_units for place in lines["position"]],
            "learning_rate": [configs[place].learning_rate for place in lines["position"]],
            "seed": lines["seed"].to_numpy(),
            "epoch": lines["epoch"].to_numpy(dtype=int),
            "validation_accuracy": lines["validation_metric"].to_numpy(),
        }
    ).drop_duplicates()
    existing = as_study(lay_out(look(results_of("frame", "a frame", frame), Told())))
    evidence = existing_evidence(existing)
    assert [table.name for table in existing.study.tables] == ["hidden_units", "learning_rate"]
    for table in existing.study.tables:
        ours = ran.view(table.name)
        theirs = build_table(table, evidence.rows_of(table.name), evidence.trials, seeds=(0,))
        assert theirs.headings == ours.headings
        assert theirs.unit == ours.unit == "%"
        assert len(theirs.lines) == len(ours.lines)
        for one, other in zip(theirs.lines, ours.lines, strict=True):
            assert one.labels == other.labels
            assert one.is_default == other.is_default
            assert one.estimates[COMPARED] == other.estimates[COMPARED]
            assert without_margin(one.comparison) == without_margin(other.comparison)
            # Nobody knows how many rows validated.
            assert one.comparison is None or one.comparison.margin is None
