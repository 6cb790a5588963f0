"""Results from elsewhere become trials of a search, which goes on from them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.commands.cli import main
from tune_jobs.ledger.record import IMPORTED, ISOLATED

SEARCH = (
    BASE
    + METRICS
    + """
seeds: 1
search: {budget: {trials: 6}, sampler: random, SCHEDULER, audit: 0, confirm: 1, path: 0, interactions: 0, seeds: 1,
         space: {width: {low: 1, high: 90}, learning_rate: {low: 0.1, high: 2.0}, mode: [up, down]}}
"""
)
NAMES = {"width": "width", "lr": "learning_rate", "mode": "mode"}
RUNS = pd.DataFrame(
    {
        "width": [50, 60, 60, 95],
        "lr": [0.25, 0.5, 1.5, 0.5],
        "mode": ["up", "down", "up", "up"],
        "validation_accuracy": [37.5, 30.0, 270.0, 1.0],
        "validation_loss": [62.5, 70.0, -170.0, 99.0],
    }
)


@pytest.fixture
def own(tmp_path: Path) -> Own:
    own = Own(tmp_path)
    own.module(climb=CLIMB)
    return own


def imported(own: Own, frame: pd.DataFrame, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    frame.to_csv(own.folder / "runs.csv", index=False)
    files = [str(own.folder / name) for name in ("runs.csv", "own.yaml")]
    where = ["--columns", "learning_rate=lr", "--storage", str(own.folder / "results")]
    assert main(["ledger", "import", *files, *where, *more]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("scheduler", ["scheduler: none", "grace_epochs: 1"])
def test_a_search_goes_on_from_what_was_trained_elsewhere(
    own: Own, scheduler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    study = own.study(SEARCH.replace("SCHEDULER", scheduler))
    assert "would import: 3 trials\n" in imported(own, RUNS, capsys, "--dry-run")
    assert own.standing(study).search.trials == {}  # type: ignore[union-attr]
    said = imported(own, RUNS, capsys)
    assert "assumed: no column is a seed, so each run is taken for seed 0\n" in said
    assert "imported: 3 trials\nnot imported: 1 run: 1 × fits no row of the study, which has none of width = 95" in said
    assert "the search goes on from 3 imported trials\n" in said
    assert "seeds that" not in said
    again = imported(own, RUNS, capsys)
    assert "imported: 0 trials; 3 in the ledger already\n" in again
    assert "goes on" not in again

    state = own.search(study).search
    assert state is not None
    assert [one.source for one in state.trials.values()] == ["imported"] * 3 + ["random"] * 3
    assert [(one.values["width"], one.values["learning_rate"]) for one in state.trials.values()][:3] == [
        (50, 0.25),
        (60, 0.5),
        (60, 1.5),
    ]
    processes = [one.records[0].process for one in state.trials.values() if one.records[0] is not None]
    assert processes == [IMPORTED] * 3 + [ISOLATED] * 3
    assert state.over
    assert state.best(1)[0].values == {"width": 60, "learning_rate": 1.5, "mode": "up"}


def test_what_a_search_has_drawn_itself_stays_and_what_is_imported_follows(
    own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    study = own.study(SEARCH.replace("SCHEDULER", "scheduler: none").replace("trials: 6", "trials: 2"))
    own.search(study)
    before = own.ledger.read().records
    first = next(one for one in before.values() if one.process == ISOLATED and one.seed == 0)
    fields = json.loads(first.fields)
    mine = pd.DataFrame({name: [fields[f"trainer.{column}"]] for name, column in NAMES.items()}).assign(
        validation_accuracy=1.0, validation_loss=2.0
    )
    said = imported(own, pd.concat([RUNS[:3], mine]).assign(seed=0), capsys)
    assert "imported: 3 trials" in said
    state = own.standing(study).search
    assert state is not None
    assert [one.source == "imported" for one in state.trials.values()] == [False] * 2 + [True] * 3
    assert own.ledger.read().records[first.key].process == ISOLATED
