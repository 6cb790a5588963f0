"""`init --data` writes a study in which all that was seen in a table is spelled out, and which runs as it stands."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data_utils.public_tables import TABLES
from tests.tune_jobs.commands.test_run import ablatune
from tests.tune_jobs.study.test_data_words import study, write_table
from tune_jobs.commands.cli import main
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.study.load import load_study
from tune_jobs.study.table_study import quoted
from tune_jobs.study.yaml_reader import _reader


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_study_of_a_table_guesses_nothing_and_reads_the_same_data(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = study(tmp_path, write_table(tmp_path, name))
    assert main(["init", "--data", f"{name}.csv", "--target", TABLES[name]().target]) == 0
    said = capsys.readouterr().out
    assert "data: " in said
    assert f"next: ablatune run {name}.yaml" in said
    assert main(["run", f"{name}.yaml", "--dry-run"]) == 0
    guesses = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data: ")]
    assert all("which has no name" in line for line in guesses)
    written = load_study(f"{name}.yaml")
    prints = [data_fingerprints(one, range(1), tmp_path, download=False) for one in (short, written)]
    assert prints[0] == prints[1]
    assert len(written.tables) >= 5
    assert max(map(len, Path(f"{name}.yaml").read_text().splitlines())) <= 125


def test_the_study_of_a_table_is_written_elsewhere_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path, "diamonds")
    command = ["init", "new/place", "--data", "diamonds.csv", "--target", "price"]
    assert main(command) == 0
    written = load_study("new/place/diamonds.yaml")
    info = next(iter(written.own.catalog.measured.values()), None) or written.config().dataset_info
    assert info.found == (str(tmp_path / "diamonds.csv"),)
    assert main(command) == 2
    assert "already exists and was not changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "diamonds.csv"], "init: --data FILE and --target COLUMN go together; give both"),
        (["--target", "price"], "init: --data FILE and --target COLUMN go together; give both"),
        (["--data", "diamonds.csv", "--target", "prize"], "--target: "),
        (["--data", "diamonds.csv", "--target", "prize"], "did you mean price?"),
        (["--data", "none.csv", "--target", "price"], "found no file"),
        (
            ["--data", "notes.txt", "--target", "price"],
            "--data notes.txt: is not a table; give a .csv or .parquet file",
        ),
    ],
)
def test_what_init_cannot_read_gets_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path, "diamonds")
    assert main(["init", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("ablatune: ")
    assert message in said
    assert said.count("\n") == 1


def test_a_table_named_like_a_built_in_dataset_gets_another_name(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{row},{row % 7}.5\n" for row in range(60))
    for name, study_name in (("digits", "my_digits"), ("2020 sales (all)", "my_2020_sales_all")):
        (tmp_path / f"{name}.csv").write_text(text)
        assert main(["init", "--data", f"{name}.csv", "--target", "y"]) == 0
        assert load_study(f"{study_name}.yaml").config().dataset == study_name


@pytest.mark.long
def test_the_written_study_runs_and_its_report_says_what_was_taken_as_what(tmp_path: Path) -> None:
    write_table(tmp_path, "penguins")
    ablatune("init", "--data", "penguins.csv", "--target", "species", cwd=tmp_path)
    written = Path("penguins.yaml").read_text()
    assert "    categorical: [island, sex]" in written
    Path("penguins.yaml").write_text(written.replace("    categorical: [island, sex]", "    categorical: auto"))
    said = ablatune("run", "penguins.yaml", "--seeds", "1", "--set", "epochs=1", cwd=tmp_path)
    guess = "penguins: words are categories: island (2), sex (2); to leave one out, write ignore: "
    assert said.count(f"data: {guess}[auto, island]\n") == 1
    (tmp_path / "penguins.csv").unlink()
    ablatune("report", "penguins.yaml", "--set", "epochs=1", cwd=tmp_path)
    (report,) = (tmp_path / "report").glob("penguins*/report.md")
    assert f"- Data as read: {guess}" in report.read_text()


@given(st.one_of(st.text(min_size=1), st.sampled_from(["true", "No", "null", "1", "~", "a: b", "#x", "[a]", "é", "-"])))
def test_a_name_stays_what_it_is_in_the_file(text: str) -> None:
    if not text.isprintable():
        return
    read: Any = _reader("safe").load(f"a: [{quoted(text)}]")
    assert read == {"a": [text]}
