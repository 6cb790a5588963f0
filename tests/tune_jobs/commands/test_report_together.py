"""`report A B` puts several studies on one page."""

from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.interface import Study
from tune_jobs.commands.report_together import report_together
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import Manifest, write_manifest
from tune_jobs.trial.data import data_id


@pytest.fixture
def two(filled: tuple[Path, Ledger]) -> tuple[Path, Path, str]:
    """Two studies of the same rows, and their storage."""
    path, ledger = filled
    again = path.with_name("again.yaml")
    again.write_text(path.read_text())
    study = Study.load(path).definition
    prints = {data_id(study.config()): "data"}
    write_manifest(ledger.storage, Manifest("again", {}, study.seeds, prints, declared=study.seeds))
    return path, again, ledger.storage.uri


def test_it_is_written_where_the_command_says(
    two: tuple[Path, Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, again, storage = two
    monkeypatch.chdir(tmp_path)
    arguments = ["report", str(path), str(again), "--storage", storage, "--seeds", "4"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "report: report/widths+again/index.html\n"
    assert "the same trainings" in Path("report/widths+again/report.md").read_text()
    assert main([*arguments, "--output", "there", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("there/index.html").exists()
    assert main([*arguments, "--json"]) == 2
    assert capsys.readouterr().err == "ablatune: report: --json is for one study; leave it out, or name one study\n"


def test_the_same_study_twice_is_one_line(
    two: tuple[Path, Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, again, storage = two
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.yaml").symlink_to(path)
    once = "is named twice; name each study once"
    for first, second, said in (
        ("widths.yaml", "widths.yaml", f"widths.yaml {once}"),
        ("widths.yaml", str(path), f"{path} is widths.yaml, which {once}"),
        ("widths.yaml", "link.yaml", f"link.yaml is widths.yaml, which {once}"),
    ):
        for flags in ([], ["--terminal"]):
            assert main(["report", first, str(again), second, "--storage", storage, *flags]) == 2
            shown = capsys.readouterr()
            assert (shown.out, shown.err) == ("", f"ablatune: a report of several studies: {said}\n")
    assert not Path("report").exists()


def test_one_study_is_not_several(filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    with pytest.raises(UserError, match="give two or more"):
        report_together([Study.load(path, storage=ledger.storage.uri)])
