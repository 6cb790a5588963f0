"""What a command prints may have nowhere to go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tune_jobs.commands.output import wrapped
from tune_jobs.ledger.ledger import Ledger

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("argument", ["studies", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line_and_a_closed_pipe_none(unbuffered: str, argument: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "tune_jobs", argument]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert done.returncode == 1
    line = "ablatune: the output cannot be written (No space left on device); give it a place with room\n"
    assert done.stderr == line
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_lines_are_broken_between_words_and_commands_stay_whole() -> None:
    line = "3 trials failed, all for one reason: no memory; `ablatune status digits_demo --seeds 3` names them"
    lines = wrapped(line, 40).splitlines()
    assert lines == [
        "3 trials failed, all for one reason: no",
        "  memory;",
        "  `ablatune status digits_demo --seeds 3`",
        "  names them",
    ]
    assert wrapped(line, 200) == line


def test_lines_are_as_wide_as_their_cells() -> None:
    """Letters of Chinese, Japanese and Korean take two cells, and have no blanks between them."""
    lines = wrapped("failed: 学习率学习率学习率学习率学习率学习率 and more", 24).splitlines()
    assert lines == ["failed: 学习率学习率学习", "  率学习率学习率学习率", "  and more"]
    assert wrapped("学习率", 6) == "学习率"


def test_the_report_on_a_terminal_ends_quietly_where_the_pipe_has_no_reader(filled: tuple[Path, Ledger]) -> None:
    path, ledger = filled
    command = [sys.executable, "-m", "tune_jobs", "report", str(path), "--storage", ledger.storage.uri, "--terminal"]
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_error_that_nobody_reads_is_still_an_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tune_jobs", "status", "no-such-study"]
    done = subprocess.run(command, stderr=writing, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    os.close(writing)
    assert done.returncode == 2
