"""What the ledger knows of a study: rows, predictions, targets, and the openings of its own configurations."""

from typing import Any

import numpy as np
import pytest

from analysis.frames.evidence import all_tables
from tune_jobs.errors import UserError
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.study.model import FRESH_PATH, PATH
from tune_jobs.trial.config import TrialConfig

STUDY = """\
base: {dataset: digits, hidden_units: 4, epochs: 3}
stages:
  - {name: width, title: Width, factor: hidden_units, levels: [4, 8]}
tables:
  - {factor: learning_rate, levels: [0.001, 0.1]}
fresh_seeds: 2
final: {learning_rate: 0.01}
"""


@pytest.fixture
def ran(run: Any, fate: Any) -> Any:
    return run(STUDY, fates=lambda config: fate(last=100 * 2 / 3, one_class=config.learning_rate == 0.1))


def test_rows_are_those_of_tables_stages_path_and_final(ran: Any) -> None:
    evidence = ran.evidence
    assert [row.table for row in evidence.standing.rows] == [
        *["learning_rate"] * 2,
        *["width"] * 2,
        *[PATH] * 2,
        *[FRESH_PATH] * 2,
        "final",
    ]
    assert [table.name for table in all_tables(ran.study)] == ["learning_rate", "width", "final"]
    assert [position for position, _ in evidence.rows_of("width")] == [2, 3]
    fresh = evidence.trials[evidence.trials["table"] == FRESH_PATH]
    assert fresh["seed"].tolist() == [100_000, 100_001] * 2
    assert [choice.stage for choice in evidence.standing.choices] == ["width"]


def test_predictions_are_read_for_the_rows_that_are_asked_for(ran: Any) -> None:
    evidence = ran.evidence
    assert not any(record.validation_outputs for record in evidence.standing.contents.records.values())
    own = [row for _, row in evidence.rows_of("final")]
    found = evidence.predictions(own)
    assert set(found) == {one.key for one in evidence.standing.of(own[0])}
    assert all(record.predictions(3).shape == (6, 10) for record in found.values())
    assert evidence.predictions([]) == {}


def test_targets_that_were_not_kept_are_empty(ran: Any) -> None:
    evidence = ran.evidence
    assert evidence.targets(evidence.standing.replicates[0][0]) == {}
    write_targets(
        ran.ledger.storage, targets_name("f" * 64, TrialConfig(dataset="digits")), {"targets": np.array([0, 0, 1])}
    )
    assert evidence.targets(evidence.standing.replicates[0][0])["targets"].tolist() == [0, 0, 1]


def test_who_predicts_one_class_is_known(ran: Any) -> None:
    trials = ran.evidence.trials
    assert trials[trials["one_class"]]["level"].unique().tolist() == ["0.1"]
    assert trials["one_class"].notna().all()


def test_openings_of_other_studies_and_of_varied_configurations_are_not_the_studys_own(ran: Any, opened: Any) -> None:
    assert ran.evidence.own_openings() == []
    opened(ran, [95.0, 96.0, 97.0], study="another")
    opened(ran, [1.0, 1.0, 1.0], at="2026-02-02", epochs=(2, 2, 2))
    opened(ran, [2.0, 2.0, 2.0], at="2026-02-03", keys=("a", "b", "c"))
    opened(ran, [95.0, 96.0, 97.0], at="2026-02-03", variant="batch_size=64")
    mine = opened(ran, [95.0, 96.0, 97.0], at="2026-02-04")
    evidence = ran.evidence
    assert len(evidence.openings) == 5
    assert [opening.id for opening in evidence.own_openings()] == [mine.id]


def test_a_ledger_without_trials_is_refused(run: Any, fate: Any) -> None:
    empty = run(STUDY, fates=lambda config: fate("missing"))
    with pytest.raises(UserError, match=r"has none of the 14 trials of small; run it first"):
        _ = empty.evidence
