"""A process of Ray that dies ends the run with one line, at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import ends
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
    assert ends(int(pid))


def test_a_ray_that_is_shut_down_is_no_longer_watched() -> None:
    done = run("stopped")
    assert (done.returncode, done.stderr) == (0, "")
    assert "cleaned up" not in done.stdout


HEAD = """
import sys, time
from tune_jobs.training import ray_guard

ray_guard._HEAD_PERIOD_SECONDS, ray_guard._HEAD_GONE_SECONDS = 0.05, 0.3
answers = {"gone": lambda: "nothing answers there", "back": lambda: "" if time.monotonic() > back else "gone"}
back = time.monotonic() + 0.15
stop = ray_guard.guard_head(answers[sys.argv[1]], "--address head:6379")
if len(sys.argv) > 2:
    stop()
time.sleep(1)
print("goes on", flush=True)
"""


@pytest.mark.parametrize("arguments", [["gone"], ["back"], ["gone", "stopped"]])
def test_a_head_that_stays_away_ends_the_run_with_one_line(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", HEAD, *arguments], capture_output=True, text=True, check=False)
    if arguments != ["gone"]:
        assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")
        return
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ablatune: --address head:6379: the head of the cluster has been gone for 0 s (nothing ")
    assert "trials that finished are kept; the same command continues: " in line


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
