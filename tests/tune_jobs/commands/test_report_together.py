"""`report A B` puts several studies on one page."""

from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.interface import Study
from tune_jobs.commands.report_together import report_together
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger


def test_it_is_written_where_the_command_says(
    filled: tuple[Path, Ledger], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, ledger = filled
    monkeypatch.chdir(tmp_path)
    arguments = ["report", str(path), str(path), "--storage", ledger.storage.uri, "--seeds", "4"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "report: report/widths+widths/index.html\n"
    assert "the same trainings" in Path("report/widths+widths/report.md").read_text()
    assert main([*arguments, "--output", "there", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("there/index.html").exists()
    assert main([*arguments, "--json"]) == 2
    assert capsys.readouterr().err == "ablatune: report: --json is for one study; leave it out, or name one study\n"


def test_one_study_is_not_several(filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    with pytest.raises(UserError, match="give two or more"):
        report_together([Study.load(path, storage=ledger.storage.uri)])
