"""Seeds that `run` adds until levels are decided, without training: records come from a function."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.conftest import Fate, make_record
from tune_jobs.commands import run
from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.trial import Trial

STUDY = """\
title: Until decided
margin: 2
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {factor: hidden_units, levels: [4, 8, 16]}
"""


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Let `run` write records in place of training, in an empty folder; return the (width, seed) of each trial."""
    ran: list[tuple[int, int]] = []

    def train(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        for trial in missing:
            units, seed = trial.config.hidden_units, trial.config.seed
            ran.append((units, seed))
            last = {4: 80.0, 8: 90.0, 16: 91.0}[units] + {16: 2.5}.get(units, 0.2) * ((seed * (units + 5)) % 5 - 2)
            context.ledger.write(make_record(trial, "f" * 64, Fate(last=last)))
        return 0

    monkeypatch.setattr(run, "train_trials", train)
    monkeypatch.chdir(tmp_path)
    return ran


def seeds_of(trained: Sequence[tuple[int, int]]) -> dict[int, int]:
    return {units: sum(one == units for one, _ in trained) for units in (4, 8, 16)}


@pytest.mark.parametrize("declared", [True, False])
def test_only_open_levels_get_more_seeds(
    trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str], declared: bool
) -> None:
    Path("s.yaml").write_text(("until_decided: true\n" if declared else "") + STUDY)
    flags = [] if declared else ["--until-decided"]
    assert main(["run", "s.yaml", "--cpus", "1", *flags]) == 0
    shown = capsys.readouterr().out
    assert "a look at 5 seeds: 1 of 2 levels decided; 1 open level and its default get 5 more seeds\n" in shown
    assert "s: 3 rows × 5 seeds = 15 table cells" in shown
    assert "s: 3 rows, each with 5 to 10 seeds = 25 table cells" in shown
    assert seeds_of(trained) == {4: 5, 8: 20, 16: 20}
    # A second run takes no further look, and status and report know how far each level went.
    assert main(["run", "s.yaml", "--cpus", "1", *flags]) == 0
    assert seeds_of(trained) == {4: 5, 8: 20, 16: 20}
    assert main(["status", "s.yaml"]) == 0
    assert "45 trials" in capsys.readouterr().out


def test_the_next_command_keeps_the_seeds_that_were_added(
    trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.yaml").write_text(STUDY.replace("levels: [4, 8, 16]", "levels: [4, 8]").replace("units: 8", "units: 4"))
    assert main(["run", "s.yaml", "--cpus", "1", "--until-decided"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("a look at") == shown.count("a look at 5 seeds: 1 of 1 level decided\n") == 1
    assert "next: `ablatune run s.yaml --until-decided --confirm`" in shown
    assert main(["status", "s.yaml"]) == 0
    assert "  next: `ablatune report s.yaml` writes the tables and figures\n" in capsys.readouterr().out
    assert main(["run", "s.yaml", "--cpus", "1", "--until-decided", "--confirm"]) == 0
    shown = capsys.readouterr().out
    assert "a look at" not in shown, "all was decided with 5 seeds, and no level has more"
    assert "Hidden layer size: 8 gains 10.0 points" in shown
    assert "--until-decided` adds seeds" not in shown


def test_another_number_of_seeds_is_refused(trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.yaml").write_text(STUDY)
    assert main(["run", "s.yaml", "--until-decided", "--seeds", "7"]) == 2
    assert "--seeds 7: does not go with seeds that are added until levels are decided" in capsys.readouterr().err
    assert main(["run", "digits_search", "--until-decided"]) == 2
    assert "has no tables" in capsys.readouterr().err
    assert not trained


def test_seeds_that_are_added_after_a_report_are_warned_of(
    trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.yaml").write_text(STUDY)
    for seeds in ("3", "5"):
        assert main(["run", "s.yaml", "--cpus", "1", "--seeds", seeds]) == 0
        assert main(["report", "s.yaml", "--seeds", seeds]) == 0
        report = Path("report/s/report.md").read_text()
        assert ("written before, with 3 seeds" in report) == (seeds == "5")
    assert "up to 10% in a table, in place of 5%" in report
    assert len(Ledger.open(Storage.at("results")).read().records) == len(trained)


def test_a_plan_says_how_many_trials_it_may_take(
    trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.yaml").write_text(STUDY)
    plan = ["plan", "s.yaml", "--until-decided", "--no-pilot"]
    assert main(plan) == 0
    shown = capsys.readouterr().out
    assert "in the ledger: 0; to run: 15" in shown
    assert (
        "until decided: at least 15 trials to run, if the look at 5 seeds decides every level; at most 60 trials, if "
        "none is decided before the last look, at 20 seeds"
    ) in shown
    # What the ledger has already is not to be run again: 7 seeds of three widths.
    assert main(["run", "s.yaml", "--cpus", "1", "--seeds", "7"]) == 0
    capsys.readouterr()
    assert main(plan) == 0
    assert "at least 0 trials to run, if the look at 5 seeds decides every level; at most 39 trials" in (
        capsys.readouterr().out
    )
    assert main(["run", "s.yaml", "--cpus", "1", "--until-decided"]) == 0
    capsys.readouterr()
    assert main(plan) == 0
    assert "until decided: all looks were taken (5, 10, 20 seeds)" in capsys.readouterr().out
    assert main([*plan, "--seeds", "7"]) == 2
    assert "does not go with seeds that are added until levels are decided" in capsys.readouterr().err


def test_status_of_a_run_between_two_looks_says_that_it_continues(
    trained: list[tuple[int, int]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("s.yaml").write_text(STUDY)
    train = run.train_trials

    def until_ten_seeds(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        return 130 if any(trial.config.seed >= 10 for trial in missing) else train(context, missing, **known)

    monkeypatch.setattr(run, "train_trials", until_ten_seeds)
    assert main(["run", "s.yaml", "--cpus", "1", "--until-decided"]) == 130
    capsys.readouterr()
    assert main(["status", "s.yaml"]) == 0
    assert "  next: `ablatune run s.yaml --until-decided` trains what is missing\n" in capsys.readouterr().out
    assert main(["status", "s.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["next"] == "ablatune run s.yaml --until-decided"
