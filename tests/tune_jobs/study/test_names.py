"""Names that become folders and files cannot leave their folder, and are different files on every system."""

from pathlib import Path

import pytest

import ablatune
from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.names import name_problem

BASE = {"dataset": "digits", "network": "mlp", "epochs": 1}
TABLES = [{"factor": "hidden_units", "levels": [4, 8]}]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../../evil", "'../../evil' begins with a dot"),
        ("..", "'..' begins with a dot"),
        (".", "'.' begins with a dot"),
        ("", "the name is empty"),
        (" ", "the name is empty"),
        (3, "3 is not text"),
        (None, "None is not text"),
        ("a/b", "'a/b' contains '/'"),
        ("a\\b", "contains '\\\\'"),
        ("/etc/x", "contains '/'"),
        ("CON", "'CON' is the name of a device on Windows; give another"),
        ("com1.a", "'com1.a' is the name of a device on Windows"),
        ("a.", "'a.' ends in a dot, which folders on Windows may not; leave it out"),
        ("a ", "'a ' ends in a blank, which folders on Windows may not; leave it out"),
        ("a\0b", "contains '\\x00'"),
        ("a\nb", "contains '\\n'"),
        ("a\ud800", "contains '\\ud800'"),
        ("x" * 300, "is 300 bytes long; give at most 150"),
        ("é" * 100, "is 200 bytes long; give at most 150"),
    ],
)
def test_a_study_has_a_name_that_a_folder_can_have(name: object, words: str) -> None:
    with pytest.raises(UserError) as caught:
        ablatune.Study(name=name, base=BASE, tables=TABLES)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["study", "my study", "größe-3", "a.b", "console", "com", "a.con", "x" * 150, "研究"])
def test_usual_names_are_taken(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("A", "a", "the table name a differs from A only in case"),
        ("Größe", "GRÖSSE", "differs from Größe only in case"),
        ("a", "a", "the table name a repeats"),
        ("a", "Search", "Search is reserved for the search"),
        ("a", "x-Test", "ends in -Test"),
        ("a", "x" * 300, "is 300 bytes long; give at most 150 as the `name` of the table"),
        ("a", "..", "'..' is not a table name"),
        ("a", "../a", "'../a' is not a table name"),
    ],
)
def test_tables_have_names_that_files_can_have(first: str, second: str, words: str) -> None:
    tables = [{"name": name, "factor": "hidden_units", "levels": [4, 8]} for name in (first, second)]
    with pytest.raises(UserError) as caught:
        ablatune.Study(base=BASE, tables=tables)
    assert words in str(caught.value)
    with pytest.raises(UserError, match=r"repeats|differs|reserved|ends in|bytes long|not a table name"):
        ablatune.Study(base=BASE, tables=tables[:1], stages=tables[1:])


def test_a_file_whose_name_no_report_can_have_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("x" * 200 + ".yaml")
    path.write_text("tables: [{factor: epochs, levels: [1]}]")
    assert main(["run", str(path), "--dry-run", "--storage", str(tmp_path / "r")]) == 2
    assert "is 200 bytes long; give at most 150" in capsys.readouterr().err
