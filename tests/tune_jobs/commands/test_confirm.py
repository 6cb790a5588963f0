"""`run --confirm`: the best level of a table and its default with fresh seeds; records come from a function."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.report import outline
from tests.analysis.conftest import Fate, make_record
from tune_jobs.commands import run
from tune_jobs.commands.cli import main
from tune_jobs.study.rows import FIRST_FRESH_SEED
from tune_jobs.trial.trial import Trial

STUDY = """\
title: Confirmed
seeds: 4
base: {dataset: digits, hidden_units: 8, batch_size: 64, epochs: 2}
tables:
  - {factor: hidden_units, levels: [4, 8, 16]}
  - {factor: batch_size, levels: [32, 64]}
"""


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Let `run` write records in place of training, in an empty folder; return the trials."""
    ran: list[Trial] = []

    def train(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        for trial in missing:
            config = trial.config
            fresh = config.seed >= FIRST_FRESH_SEED
            # 16 units look 2 points better than they are to the seeds that pick them; smaller batches are worse.
            gain = {4: -3.0, 8: 0.0, 16: 1.0 if fresh else 3.0}[config.hidden_units] - (config.batch_size == 32)
            noise = 0.2 * ((config.seed * (config.hidden_units + 5)) % 5 - 2)
            context.ledger.write(make_record(trial, "f" * 64, Fate(last=90 + gain + noise)))
        ran.extend(missing)
        return 0

    monkeypatch.setattr(run, "train_trials", train)
    monkeypatch.setattr(outline, "drawing", lambda kind: lambda view, evidence: None)  # figures take seconds
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(STUDY)
    return ran


def fresh(trained: Sequence[Trial]) -> list[tuple[int, int]]:
    seeds = [(trial.config.hidden_units, trial.config.seed - FIRST_FRESH_SEED) for trial in trained]
    return sorted((units, seed) for units, seed in seeds if seed >= 0)


def report_of(*flags: str) -> str:
    assert main(["report", "s.yaml", *flags]) == 0
    return Path("report/s/report.md").read_text()


def test_the_best_level_is_trained_with_fresh_seeds_and_the_report_keeps_it(
    trained: list[Trial], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "s.yaml", "--cpus", "1"]) == 0
    assert not fresh(trained)
    assert "Picked best" not in report_of()
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 0
    shown = capsys.readouterr().out
    assert "confirm: Hidden Layer Size: 16 and the default, with 4 fresh seeds" in shown
    assert "confirm: Batch Size: the default is the best; nothing is trained for it" in shown
    assert fresh(trained) == [(units, seed) for units in (8, 16) for seed in range(4)]
    splits = {
        (trial.config.split_seed, trial.config.seed) for trial in trained if trial.config.seed >= FIRST_FRESH_SEED
    }
    assert len(splits) == 4
    assert all(split for split, _ in splits)
    report = report_of()
    assert "Picked best: 16, +" in report
    gain = r"\+\d\.\d\d points \(−?\d\.\d\d to \d\.\d\d\)"
    words = (
        rf"Picked best: 16, {gain} on the seeds that it was picked with; on 4 fresh seeds, each with a validation part "
        rf"of its own: {gain}, better"
    )
    found = re.search(words, report)
    assert found, re.findall("Picked.*", report)
    assert [float(number) for number in re.findall(r"\+(\S+)", found[0])] == pytest.approx([2.95, 0.95], abs=0.4)
    assert "Picked best: 64, the default, which leaves no gain to estimate with fresh seeds." in report

    # Without the flag nothing changes: all is known, and nothing is left to train.
    count = len(trained)
    for command in (["status", "s.yaml"], ["plan", "s.yaml", "--no-pilot"], ["run", "s.yaml", "--cpus", "1"]):
        assert main(command) == 0
    shown = capsys.readouterr().out
    assert "missing: 0" in shown
    assert "to run: 0" in shown
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 0
    assert len(trained) == count


def test_a_confirmation_that_was_cut_off_is_continued(
    trained: list[Trial], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train: Any = run.train_trials

    def stops(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        if missing[0].config.seed < FIRST_FRESH_SEED:
            return int(train(context, missing))
        train(context, missing[:3])
        return 130

    monkeypatch.setattr(run, "train_trials", stops)
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 130
    assert main(["status", "s.yaml"]) == 0
    assert "missing: 5" in capsys.readouterr().out
    monkeypatch.setattr(run, "train_trials", train)
    assert main(["run", "s.yaml", "--cpus", "1"]) == 0
    assert len(fresh(trained)) == 8


def test_fresh_seeds_of_which_no_two_are_a_pair_are_no_comparison(
    trained: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    train: Any = run.train_trials

    def odd_ones(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        fresh = missing[0].config.seed >= FIRST_FRESH_SEED
        some = [one for one in missing if (one.config.hidden_units == 16) == (one.config.seed % 2 == 0)]
        train(context, some if fresh else missing)
        return 130 if fresh else 0

    monkeypatch.setattr(run, "train_trials", odd_ones)
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 130
    assert "no fresh seed of both has been run (4 of 8 replicates have been run)" in report_of()


def test_another_level_that_becomes_the_best_is_named(trained: list[Trial]) -> None:
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 0
    kept = next(Path("results/confirmed").iterdir())
    kept.write_text(kept.read_text().replace('"16"', '"4"'))
    assert main(["run", "s.yaml", "--cpus", "1"]) == 0
    report = report_of()
    assert "Picked best: 4, −2.95 points (" in report
    assert "By now 16 is best; " in report
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 0
    assert "Picked best: 16, +" in report_of()


def test_that_a_confirmed_level_has_another_name_now_is_said(
    trained: list[Trial], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm"]) == 0
    renamed = STUDY.replace("[4, 8, 16]", "[4, 8, {value: 16, label: Sixteen}]")
    Path("s.yaml").write_text(renamed)
    capsys.readouterr()
    said = "confirm: 16 of table hidden_units was confirmed, and the study has no such row now; `ablatune run s.yaml "
    for command in ("run", "status"):
        assert main([command, "s.yaml", *(["--cpus", "1"] if command == "run" else [])]) == 0
        printed = capsys.readouterr()
        assert said in printed.out + printed.err
    assert "16 was picked best and confirmed, and the table has no such row now; " in report_of()
    Path("s.yaml").write_text(STUDY)
    assert "Picked best: 16" in report_of()


def test_studies_that_choose_with_fresh_seeds_themselves_are_refused(
    trained: list[Trial], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "digits_search", "--confirm"]) == 2
    assert "--confirm: digits_search has no tables" in capsys.readouterr().err
    Path("s.yaml").write_text(STUDY.replace("seeds: 4", "seeds: 4\nsplits: outer"))
    assert main(["run", "s.yaml", "--confirm"]) == 2
    assert "has splits: outer, which draws other data for each seed; use splits: validation" in capsys.readouterr().err
    assert not trained


@pytest.mark.parametrize(
    ("more", "flags", "count"), [("splits: {folds: 3}", [], 3 * 4), ("", ["--until-decided"], None)]
)
def test_fresh_seeds_are_as_many_as_those_that_picked(
    trained: list[Trial], more: str, flags: list[str], count: int | None
) -> None:
    text = STUDY.replace("seeds: 4\n", f"seeds: 4\n{more}\n" if more else "margin: 2\n")
    Path("s.yaml").write_text(text)
    assert main(["run", "s.yaml", "--cpus", "1", "--confirm", *flags]) == 0
    with_16 = [trial.config for trial in trained if trial.config.hidden_units == 16]
    picking = [config for config in with_16 if config.seed < FIRST_FRESH_SEED]
    assert 2 * len(picking) == len(with_16)
    assert count in (None, len(picking))
    if more:  # whole divisions
        assert sorted(config.fold for config in with_16) == sorted([0, 1, 2] * 8)
    assert "Picked best: 16, +" in report_of()


def test_a_plan_foresees_what_confirming_adds(trained: list[Trial], capsys: pytest.CaptureFixture[str]) -> None:
    plan = ["plan", "s.yaml", "--no-pilot"]
    assert main([*plan, "--confirm"]) == 0
    # Of both tables the default and one level; the tables share the default.
    assert "with fresh seeds: at most 12 trials more" in capsys.readouterr().out
    assert main(plan) == 0
    assert "confirm" not in capsys.readouterr().out
    assert main(["run", "s.yaml", "--confirm"]) == 0
    added = len(fresh(trained))
    assert 0 < added <= 12
    capsys.readouterr()
    assert main([*plan, "--confirm"]) == 0
    assert "to confirm the best levels: nothing more" in capsys.readouterr().out
    assert main(["plan", "digits_search", "--confirm", "--no-pilot"]) == 2
    assert "it is for studies of tables" in capsys.readouterr().err
