"""What scripts read: one JSON object on standard output, and nothing else there."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.documents import print_document
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import Beacon, now, write_beacon


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([str(argument) for argument in arguments]) == 0
    read: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    return read


def test_studies(capsys: pytest.CaptureFixture[str]) -> None:
    found = {study["name"]: study for study in document(capsys, "studies", "--json")["studies"]}
    assert found["digits_demo"]["seeds"] == 5
    assert found["digits_search"]["search_fields"]
    assert "hidden_units" in found["digits_demo"]["tables"]


def test_status(capsys: pytest.CaptureFixture[str], filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    found = document(capsys, "status", path, "--storage", ledger.storage.uri, "--json")
    assert found["trials"] == {
        "needed": 12, "done": 11, "running": 0, "failed": 1, "timed_out": 0, "missing": 0, "stale": 0,
    }  # fmt: skip
    assert found["outcomes"] == {"completed": 11, "failed": 1}
    assert found["best"]["metric"] == "accuracy"
    assert found["best"]["validation"] == pytest.approx(90.3)
    (failed,) = found["failed"]
    assert (failed["seed"], failed["epochs"], failed["reason"]) == (3, 2, "it broke")
    assert found["search"] is None
    assert found["next"].startswith("ablatune ")


def test_status_names_what_is_running(capsys: pytest.CaptureFixture[str], filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    key = next(iter(ledger.read().records))
    ledger.remove([key])
    write_beacon(ledger.storage, Beacon("run", "widths", "host", 1, now(), {key: 1}))
    found = document(capsys, "status", path, "--storage", ledger.storage.uri, "--json")
    (running,) = found["running"]
    assert (running["key"], running["epochs_done"], running["epochs"]) == (key, 1, 2)
    assert found["trials"]["running"] == 1


def test_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    storage = ("--storage", tmp_path / "r")
    found = document(capsys, "plan", "digits_demo", "--no-pilot", "--cpus", 2, "--seeds", 2, *storage, "--json")
    assert found["trials"] == {"needed": 28, "to_run": 28}
    assert found["trials_at_once"] == 2
    assert found["wall_seconds"] is None
    assert {"cpu_hours", "gpu_hours", "ledger_bytes", "price"} <= set(found)


def test_report(capsys: pytest.CaptureFixture[str], tmp_path: Path, filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    storage = ("--storage", ledger.storage.uri, "--output", tmp_path / "out")
    found = document(capsys, "report", path, *storage, "--json")
    for name in ("html", "markdown", "latex", "latex_tables", "trials_csv"):
        assert Path(found[name]).is_file()
    assert found["tables"] == ["hidden_units", "rate", "differences"]
    assert found["replicates_missing"] == 0
    assert found["findings"]["what_matters"][0].startswith("Hidden layer size: 4 costs 5.8 points")
    assert found["findings"]["sentences"]
    # The same without a word, and in lines.
    assert main(["report", str(path), *map(str, storage), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["report", str(path), *map(str, storage)]) == 0
    assert capsys.readouterr().out.endswith("index.html\n")


def test_a_report_opens_in_the_browser(
    tmp_path: Path, filled: tuple[Path, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ledger = filled
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    where = ["--storage", ledger.storage.uri, "--output", str(tmp_path / "a b")]
    assert main(["report", str(path), *where, "--open", "--quiet"]) == 0
    assert opened == [(tmp_path / "a b" / "index.html").as_uri()]


def test_what_is_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_document({"a": math.nan, "b": [math.inf, 1], "c": {"d": (2.5,)}, "é": "x"})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1], "c": {"d": [2.5]}, "é": "x"}


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ([], 12),
        (["--study", "widths"], 12),
        (["--study", "other"], 0),
        (["--outcome", "failed"], 1),
        (["--where", "hidden_units=4"], 4),
        (["--where", "hidden_units=8", "--where", "seed=3"], 2),
    ],
)
def test_the_list_of_a_ledger_is_filtered(
    capsys: pytest.CaptureFixture[str], filled: tuple[Path, Ledger], told: list[str], count: int
) -> None:
    assert main(["ledger", "list", "--storage", filled[1].storage.uri, *told]) == 0
    assert len(capsys.readouterr().out.splitlines()) == count


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (["--outcome", "faild"], "--outcome faild: is none; give one of completed"),
        (["--where", "hidden_unit=4"], "--where hidden_unit: no trial of"),
        (["--where", "hidden_units"], "--where hidden_units: give FIELD=VALUE"),
    ],
)
def test_a_filter_that_fits_nothing_is_said(
    capsys: pytest.CaptureFixture[str], filled: tuple[Path, Ledger], told: list[str], words: str
) -> None:
    assert main(["ledger", "list", "--storage", filled[1].storage.uri, *told]) == 2
    assert words in capsys.readouterr().err
