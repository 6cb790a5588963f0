"""Errors about data and modules name the file and the line of the study."""

from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study
from tune_jobs.study.rows import expand
from tune_jobs.user_code.modules import UserCodeError


def write(folder: Path, text: str) -> Path:
    path = folder / "s.yaml"
    path.write_text(text)
    return path


def test_errors_of_declared_data(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,0.5\n" + "x" * 300 + ",1.5\n")
    path = write(
        tmp_path,
        "datasets:\n  mine: {file: t.csv, target: y}\nbase: {dataset: mine}\ntables: [{factor: epochs, levels: [1]}]\n",
    )
    with pytest.raises(UserError) as caught:
        expand(load_study(str(path)))
    message = str(caught.value)
    assert message.startswith(
        f"{path}, line 2: mine: cannot use {tmp_path / 't.csv'}: in row 2, a must be a number, not"
    )
    assert len(message) < 2 * len(str(path)) + 250, "the cell is cut"


def test_a_missing_file(tmp_path: Path) -> None:
    text = (
        "base: {dataset: mine}\ntables: [{factor: epochs, levels: [1]}]\ndatasets:\n  mine: {file: t.csv, target: y}\n"
    )
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        expand(load_study(str(path)))
    assert str(caught.value).startswith(f"{path}, line 4: datasets.mine.file: found no file")


def test_missing_data_of_a_built_in_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "title: t\nbase:\n  dataset: usps\ntables: [{factor: epochs, levels: [1]}]\n")
    given = ["--no-download", "--data-dir", str(tmp_path / "data"), "--storage", str(tmp_path / "r")]
    assert main(["run", str(path), "--dry-run", *given]) == 2
    assert f"{path}, line 3: usps: found no file usps.bz2" in capsys.readouterr().err


def test_a_missing_module_and_a_module_that_fails(tmp_path: Path) -> None:
    levels = "tables:\n  - factor: network\n    levels:\n      - mlp\n      - nowhere:Net\n"
    path = write(tmp_path, levels)
    with pytest.raises(UserError) as caught:
        load_study(str(path))
    assert str(caught.value).startswith(f"{path}, line 5: nowhere:Net: there is no module nowhere")
    (tmp_path / "broken_at_import.py").write_text("raise RuntimeError('no')\n")
    path = write(tmp_path, levels.replace("nowhere", "broken_at_import"))
    with pytest.raises(UserCodeError) as raised:
        load_study(str(path))
    assert str(raised.value).startswith(
        f"{path}, line 5: broken_at_import:Net: RuntimeError: no (broken_at_import.py:1"
    )
    assert "Traceback" in raised.value.trace
