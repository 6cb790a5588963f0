"""A cut file of any kind stops no command: it is one line, and nothing that has finished is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.interface import Study
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.training.progress import Progress
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.data import data_slot

pytestmark = pytest.mark.usefixtures("ray_stays_down")

Command = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Train in this process what a run would train in workers; return the keys of what was trained."""
    keys: list[str] = []

    def run_trials(trials: Any, data: Any, job: Any, settings: Any, storage: Any, progress: Progress, _: Any) -> None:
        for trial in trials:
            record = run_trial(trial, data[data_slot(trial.config)], job)
            progress.ended(trial.key, record.outcome, record.reason)
            keys.append(trial.key)

    monkeypatch.setattr("tune_jobs.training.table_launch.run_trials", run_trials)
    return keys


@pytest.fixture
def command(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Return a function that runs a command on the tiny study, and returns the lines of its output and its warnings."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *more: str) -> tuple[list[str], list[str]]:
        assert main([name, str(tiny_study), "--storage", "r", *more]) == 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return printed.out.splitlines(), [line for line in printed.err.splitlines() if "warning" in line]

    return run


def test_a_cut_ledger_file_is_one_line_and_its_trial_is_trained_again(
    trained: list[str], command: Command, tiny_study: Path, tmp_path: Path
) -> None:
    command("run")
    every = list(trained)
    before = Ledger.open(Storage.at("r")).read(predictions=True).records
    # Only one row reads the trials with 4 units.
    key = min(key for key, record in before.items() if json.loads(record.fields)["hidden_units"] == 4)
    (cut,) = (tmp_path / "r" / "ledger").glob(f"trial-{key}-*")
    cut.write_bytes(cut.read_bytes()[:-50])
    warning = (
        f"ablatune: warning: {cut.parent}: 1 file is cut or damaged ({cut.name}): its trials count as missing; "
        "`ablatune ledger check --storage r` says what to do"
    )
    for name, words in (
        ("status", "  missing: 1"),
        ("report", f"1 of 10 replicates is missing; `ablatune run {tiny_study} --storage r` trains it"),
    ):
        lines, warnings = command(name)
        assert any(words in line for line in lines), lines
        assert warnings == [warning]
    trained.clear()
    _, warnings = command("run")
    assert warnings == [warning]
    assert trained == [key]
    after = Ledger.open(Storage.at("r")).read(predictions=True).records
    assert set(after) == set(before) == set(every)
    assert after[key].validation_outputs == before[key].validation_outputs
    assert cut.exists(), "what is cut is left for whoever may restore it"


@pytest.mark.parametrize("folder", ["studies/tiny", "validation", "active", "incidents", "openings"])
def test_a_cut_file_of_another_kind_is_one_line(
    folder: str, trained: list[str], command: Command, tmp_path: Path
) -> None:
    command("run")
    place = tmp_path / "r" / folder
    place.mkdir(exist_ok=True)
    files = list(place.iterdir()) or [place / "x.json"]
    for path in files:
        path.write_bytes(b'{"id": "x"')
    trained.clear()
    for name in ("status", "report", "run"):
        _, warnings = command(name)
        # Targets and images are two files, which are cut independently.
        assert len(set(warnings)) == len(warnings) <= (len(files) if folder == "validation" else 1), warnings
        assert all(any(str(path) in line for path in files) for line in warnings)
    assert trained == []
    assert len(Study.load("tiny.yaml", storage="r").trials()) == 10


def test_verbose_may_stand_before_or_after_the_command(
    capsys: pytest.CaptureFixture[str], ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_jobs.ledger.provenance._ROOT", tmp_path)
    (tmp_path / ".git").mkdir()
    from tune_jobs.ledger import provenance

    provenance.code_version.cache_clear()
    for words in (["--verbose", "ledger", "list"], ["ledger", "list", "--verbose"], ["ledger", "list"]):
        monkeypatch.setattr(
            "tune_jobs.commands.inspect_ledger.list_trials", lambda uri, **chosen: 0 * len(provenance.code_version())
        )
        provenance.code_version.cache_clear()
        assert main([*words, "--storage", ledger.storage.uri]) == 0
        shown = "ablatune: info: tune_jobs.ledger.provenance: git does not say" in capsys.readouterr().err
        assert shown == ("--verbose" in words)
    provenance.code_version.cache_clear()
