"""`report --terminal` prints, and writes nothing."""

from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger


def test_it_prints_findings_and_tables_and_writes_no_files(
    filled: tuple[Path, Ledger], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, ledger = filled
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    before = sorted(ledger.storage.names())
    assert main(["report", str(path), "--storage", ledger.storage.uri, "--seeds", "4", "--terminal"]) == 0
    shown = capsys.readouterr().out
    assert "- Hidden layer size: 4 costs " in shown
    assert "failed" in shown
    assert "\x1b" not in shown
    assert list(empty.iterdir()) == []
    assert sorted(ledger.storage.names()) == before


@pytest.mark.parametrize("option", [["--output", "there"], ["--open"], ["--tracker", "none"]])
def test_what_would_write_or_send_files_is_refused(
    filled: tuple[Path, Ledger], capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    path, ledger = filled
    assert main(["report", str(path), "--storage", ledger.storage.uri, "--terminal", *option]) == 2
    line = f"ablatune: {option[0]}: --terminal writes no files; leave one of the two out\n"
    assert capsys.readouterr().err == line
