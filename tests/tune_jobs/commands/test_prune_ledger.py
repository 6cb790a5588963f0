"""`ledger prune` deletes what trials have left beside their records, and no result."""

from pathlib import Path

import pytest

from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.commands.cli import main
from tune_jobs.ledger.runs import Beacon, now, write_beacon

STUDY = f"title: Own\nseeds: 2\n{BASE}{METRICS}final: {{width: 4}}\n"


@pytest.fixture
def own(tmp_path: Path) -> Own:
    """A study of two trials, each of which has kept a checkpoint and written into its folder."""
    own = Own(tmp_path)
    own.module(climb=CLIMB)
    standing = own.run(own.study(STUDY))
    own.ledger.storage.write(b"12345", "checkpoints", f"{'0' * 20}-{'1' * 12}")
    assert len(standing.contents.records) == 2
    assert len(kept(own)) == 3
    return own


def kept(own: Own) -> list[str]:
    return sorted(own.ledger.storage.names("checkpoints"))


def folders(own: Own) -> list[str]:
    return sorted(own.ledger.storage.names("trials"))


def reported(own: Own) -> dict[str, object]:
    return {key: record.reported for key, record in own.ledger.read().records.items()}


def prune(own: Own, *options: str) -> int:
    return main(["ledger", "prune", *options, "--storage", own.ledger.storage.uri])


def test_checkpoints_of_trials_that_have_ended_are_deleted_and_their_results_stay(
    own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    before = reported(own)
    assert prune(own, "--study", "another", "--yes") == 0
    assert capsys.readouterr().out.endswith("nothing to delete\n")
    assert prune(own) == 2
    assert len(kept(own)) == 3
    capsys.readouterr()
    assert prune(own, "--study", "own", "--unfinished", "--yes") == 2
    assert "give --study or --unfinished" in capsys.readouterr().err
    assert prune(own, "--yes") == 0
    said = capsys.readouterr().out
    assert "left alone: 1 trial that stopped before the end; --unfinished takes them too" in said
    assert "to delete: 2 checkpoints of 2 trials, " in said
    assert kept(own) == [f"{'0' * 20}-{'1' * 12}"]
    assert len(folders(own)) == 2
    assert prune(own, "--unfinished", "--folders", "--yes") == 0
    assert "1 checkpoint and 2 folders of 3 trials, " in capsys.readouterr().out
    assert kept(own) == folders(own) == []
    assert reported(own) == before
    longer = own.run(own.study(STUDY.replace("epochs: 3", "epochs: 4")))
    assert all(own.log(trial.key) == "1 2 3 4" for trial in longer.trials), "trained from the first epoch"


def test_a_trial_in_training_keeps_its_checkpoint(own: Own) -> None:
    running = kept(own)[-1].partition("-")[0]
    write_beacon(own.ledger.storage, Beacon("run", "own", "host", 1, now(), {running: 2}))
    assert prune(own, "--unfinished", "--folders", "--yes") == 0
    assert [name.partition("-")[0] for name in kept(own)] == folders(own) == [running]


def test_removed_trials_leave_nothing_behind(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = own.ledger.read().records
    assert main(["ledger", "remove", first, "--yes", "--storage", own.ledger.storage.uri]) == 0
    assert capsys.readouterr().out == "1 trial removed\n"
    assert folders(own) == [second]
    assert first not in {name.partition("-")[0] for name in kept(own)}
