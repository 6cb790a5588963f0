"""A process of Ray that dies ends the run with one line, at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tune_jobs.training.ray_guard import death_words

PROGRAM = """
import os, signal, subprocess, sys, time
from tune_jobs.training.ray_guard import at_sudden_end, guard

processes = {name: subprocess.Popen(["sleep", "60"]) for name in ("gcs_server", "raylet")}
stop = guard(processes)
with at_sudden_end(lambda: print("cleaned up", flush=True)):
    if "stopped" in sys.argv:
        stop()
    os.kill(processes["raylet"].pid, signal.SIGKILL)
    print(processes["gcs_server"].pid, flush=True)
    time.sleep(1.5)
processes["gcs_server"].kill()
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_one_line_then_the_end_and_no_process_is_left() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stderr.startswith("ablatune: Ray's process raylet was ended by SIGKILL (is there enough memory?), and ")
    assert len(done.stderr.splitlines()) == 1
    pid, last = done.stdout.splitlines()
    assert last == "cleaned up"
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
    assert state.strip()[:1] in ("", "Z"), "only whoever collects its exit code still sees it"


def test_a_ray_that_is_shut_down_is_no_longer_watched() -> None:
    done = run("stopped")
    assert (done.returncode, done.stderr) == (0, "")
    assert "cleaned up" not in done.stdout


@pytest.mark.parametrize(
    ("code", "words"), [(-15, "raylet was ended by SIGTERM, and"), (3, "raylet ended with exit code 3, and")]
)
def test_how_it_died_is_said(code: int, words: str) -> None:
    assert words in death_words({"raylet": code})


@pytest.mark.long
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_real_ray_whose_process_is_killed_leaks_no_log(name: str, tmp_path: Path) -> None:
    command = ["run", "digits_demo", "--seeds", "60", "--stack", "off", "--storage", "r", "--cpus", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with subprocess.Popen(
        [sys.executable, "-m", "tune_jobs", *command],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.2)
        os.kill(child(process.pid, name), signal.SIGKILL)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out.splitlines()[-1].startswith("starting Ray")
    assert f"Ray's process {name} was ended by SIGKILL" in err.splitlines()[-1]
    assert all(" trials, elapsed " in line for line in err.splitlines()[:-1])


def child(parent: int, name: str) -> int:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(None, 2) for line in listed.splitlines())
    return next(int(pid) for pid, above, command in lines if int(above) == parent and command == name)
