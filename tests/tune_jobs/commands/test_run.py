"""Whole runs through Ray Tune, as a user starts them: in processes of their own, on the embedded data."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.history import CURVES
from tune_jobs.commands.cli import main
from tune_jobs.ledger.file_names import trials_in
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.schema import PROVENANCE, SCHEMA
from tune_jobs.storage.storage import Storage
from tune_jobs.training.worker_watch import RESTARTS

ABLATUNE = [sys.executable, "-m", "tune_jobs"]
# What may differ between two runs of the same trial: where and when, and how long it took.
UNEQUAL = {*PROVENANCE, "train_seconds"}


def ablatune(*arguments: object, cwd: Path, expect: int = 0) -> str:
    """Run a command to its end and return what it printed; with one worker, unless it says how many."""
    told = list(map(str, arguments))
    # Each worker spends seconds on imports, and the trials of tests are shorter than that.
    if told[0] in ("run", "evaluate") and not {"--max-concurrent", "--cpus", "--cpus-per-trial"} & set(told):
        told += ["--cpus", "1"]
    done = subprocess.run([*ABLATUNE, *told], capture_output=True, text=True, cwd=cwd, env=environment(), timeout=1800)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def told_here(*arguments: object, cwd: Path, expect: int = 0) -> str:
    """Run a command that trains nothing, in this process, and return what it printed."""
    printed = io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(list(map(str, arguments)))
    assert code == expect, printed.getvalue()
    return printed.getvalue()


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[3]
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "default"}


def numbers(storage: Path) -> dict[str, dict[str, Any]]:
    """Return every number of a ledger but times and provenance, by trial."""
    records = Ledger.open(Storage.at(str(storage))).read(predictions=True).records
    return {
        key: {name: getattr(record, name) for name in SCHEMA.names if name not in UNEQUAL}
        for key, record in records.items()
    }


def keys_trained(output: str) -> int:
    """Return how many trials a run says it finished."""
    (count,) = re.findall(r"^(\d+) trials? in ", output, re.MULTILINE)
    return int(count)


def test_look_run_again_extend_and_vary(tiny_study: Path, tmp_path: Path) -> None:
    said = ablatune("run", tiny_study, "--storage", "r", "--seeds", 2, "--fraction", 0.5, cwd=tmp_path)
    assert "a quick look: 50% of the epochs" in said
    quick = numbers(tmp_path / "r")
    assert {record["epochs"] for record in quick.values()} == {1, 2}
    told_here("report", tiny_study, "--storage", "r", "--output", "q", cwd=tmp_path)
    assert "A quick look: every row was read at 50% of its epochs" in (tmp_path / "q" / "report.md").read_text()
    assert "no trials" not in told_here("status", tiny_study, "--storage", "r", cwd=tmp_path)

    first = ablatune("run", tiny_study, "--storage", "r", "--seeds", 2, cwd=tmp_path)
    assert "2 rows" not in first
    assert "\nfound:\n  " in first
    assert "\nreport: `ablatune report " in first
    assert "5 rows × 2 seeds = 10 table cells, filled by 4 trainings" in first
    assert keys_trained(first) == 4
    before = numbers(tmp_path / "r")
    assert set(before) == set(quick)
    for key, record in quick.items():
        assert record["validation_loss"] == before[key]["validation_loss"][: record["epochs"]], "its beginning"

    code = (
        "import sys; from tune_jobs.commands.cli import main; "
        f"code = main(['run', {str(tiny_study)!r}, '--storage', 'r', '--seeds', '2']); "
        "print(sorted({'ray', 'torch'} & set(sys.modules))); sys.exit(code)"
    )
    again = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=True
    )
    assert "nothing to run" in again.stdout
    assert "found:" not in again.stdout
    assert again.stdout.splitlines()[-1] == "[]", "neither Ray nor torch is needed for a run with nothing to do"

    more = ablatune("run", tiny_study, "--storage", "r", "--seeds", 3, cwd=tmp_path)
    assert "in the ledger: 4; to run: 2" in more
    assert keys_trained(more) == 2
    after = numbers(tmp_path / "r")
    assert {key: after[key] for key in before} == before

    ablatune("run", tiny_study, "--storage", "r", "--seeds", 1, "--set", "batch_size=64", cwd=tmp_path)
    status = told_here("status", tiny_study, "--storage", "r", cwd=tmp_path)
    assert "6 trials for 5 rows × 3 seeds" in status
    assert "done: 6, 6 completed" in status
    assert "variants that were run" in status
    variant = told_here("status", tiny_study, "--storage", "r", "--set", "batch_size=64", cwd=tmp_path)
    assert "(batch_size=64): 2 trials for 5 rows × 1 seed in" in variant
    assert "missing: 0" in variant


def test_killed_half_way_and_continued_equals_left_alone(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "base: {dataset: digits, hidden_units: 8, epochs: 20, dropout: 0.1}\n"
        "tables: [{factor: hidden_units, levels: [4, 8, 16, 24]}]\n"
    )
    arguments = ["run", study, "--seeds", 3]
    ablatune(*arguments, "--storage", "alone", "--max-concurrent", 1, cwd=tmp_path)

    process = subprocess.Popen(
        [*ABLATUNE, *map(str, arguments), "--storage", "killed", "--max-concurrent", "2"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    finished = tmp_path / "killed" / "ledger"
    deadline = time.monotonic() + 120
    while sum(trials_in(path.name) for path in finished.glob("*.parquet")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(5)  # the orphaned workers may still be writing their last records
    kept = set(numbers(tmp_path / "killed"))
    assert 3 <= len(kept) < 12
    status = told_here("status", study, "--storage", "killed", cwd=tmp_path)
    assert f"done: {len(kept)}" in status
    output = ablatune(*arguments, "--storage", "killed", "--max-concurrent", 2, cwd=tmp_path)
    assert keys_trained(output) == 12 - len(kept)
    assert_equal(numbers(tmp_path / "killed"), numbers(tmp_path / "alone"))


def assert_equal(ones: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]]) -> None:
    assert set(ones) == set(others)
    for key, one in ones.items():
        for name, value in one.items():
            # Losses that are not finite are equal too.
            if name in (*CURVES, "measured_train_loss", "measured_train_metric"):
                np.testing.assert_array_equal(value, others[key][name], err_msg=f"{key} {name}")
            else:
                assert value == others[key][name], f"{key} {name}"


@pytest.mark.long
def test_two_runs_at_once_share_a_ledger(tiny_study: Path, tmp_path: Path) -> None:
    runs = [
        subprocess.Popen(
            [*ABLATUNE, "run", str(tiny_study), "--storage", "r", "--cpus", "1"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    for process in runs:
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
    contents = Ledger.open(Storage.at(str(tmp_path / "r"))).read()
    assert len(contents.records) == 4
    assert contents.disagreements == []


def test_failures_and_divergences_are_kept_named_and_say_so_in_the_exit_code(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "base: {dataset: diabetes, objective: mse, optimizer: sgd, epochs: 3}\n"
        "tables: [{factor: learning_rate, levels: [0.001, 1e30]}]\n"
    )
    output = ablatune("run", study, "--storage", "r", cwd=tmp_path)
    assert "diverged: learning_rate=1e+30, seed 0: the " in output
    assert "1 completed, 1 diverged" in output
    again = told_here("run", study, "--storage", "r", cwd=tmp_path)
    assert "nothing to run" in again, "a divergence is a result"


def test_fractional_gpus_are_scheduled_and_never_over_subscribed(tiny_study: Path, tmp_path: Path) -> None:
    """Two logical GPUs on a machine without any: four trials fit at a quarter each with half a CPU."""
    # That a share which no node has is refused is tested where the cluster's capacity is.
    shares = ("--gpus-per-trial", 0.5, "--cpus-per-trial", 0.5, "--logical-gpus", 1)
    output = ablatune("run", tiny_study, "--storage", "r", *shares, cwd=tmp_path)
    assert keys_trained(output) == 4
    records = Ledger.open(Storage.at(str(tmp_path / "r"))).read().records.values()
    assert {record.device for record in records} == {"cpu"}


@pytest.mark.long
def test_a_folder_with_a_models_module_of_the_users_own(tiny_study: Path, tmp_path: Path) -> None:
    for name in ("models.py", "analysis.py", "data_utils.py"):
        (tmp_path / name).write_text("raise RuntimeError('the wrong module')")
    assert keys_trained(ablatune("run", tiny_study, "--storage", "r", cwd=tmp_path)) == 4


def started_training(study: Path, cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a run and return it once it trains."""
    process = subprocess.Popen(
        [*ABLATUNE, "run", str(study), "--storage", "r", *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "training" in line:
            return process
    raise AssertionError(f"the run ended with {process.wait()} before it trained")


def parents() -> dict[int, tuple[int, str]]:
    """Return every process with its parent and its command."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                status = (folder / "stat").read_text()
                command = (folder / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(folder.name)] = (int(status.rpartition(")")[2].split()[1]), command)
    return found


def descendants(ancestor: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    known, found = parents(), [ancestor]
    for one in found:
        found += [child for child, (parent, _) in known.items() if parent == one]
    return found[1:]


def workers_of(driver: int) -> list[int]:
    """Return the processes that train trials of a run."""
    table = parents()

    def below(process: int) -> bool:
        while process in table:
            if process == driver:
                return True
            process = table[process][0]
        return False

    return [process for process, (_, command) in table.items() if "ray::ImplicitFunc" in command and below(process)]


@pytest.mark.long
def test_a_killed_worker_costs_a_restart_and_no_trial(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "resources: {checkpoint_minutes: 0.01}\n"
        "base: {epochs: 600, dropout: 0.1}\n"
        "tables: [{factor: hidden_units, levels: [4, 8]}]\n"
    )
    ablatune("run", study, "--storage", "alone", cwd=tmp_path)
    process = started_training(study, tmp_path)
    checkpoints = tmp_path / "r" / "checkpoints"
    while not (checkpoints.exists() and list(checkpoints.iterdir())):
        assert process.poll() is None
        time.sleep(0.1)
    (victim, *_) = workers_of(process.pid)
    os.kill(victim, signal.SIGKILL)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "lost its worker, starts again: " in output
    assert "1 trial lost its worker and started again; `ablatune status " in output
    assert f"{study} --storage r` names where and when" in output
    assert "Traceback" not in output
    assert_equal(numbers(tmp_path / "r"), numbers(tmp_path / "alone"))
    assert list(checkpoints.iterdir()) == []
    status = told_here("status", study, "--storage", "r", cwd=tmp_path)
    assert "lost with their worker and run again: 1 trial" in status
    assert re.search(r"^    \S+ \w{8}  .*hidden_units=[48], seed 0: at epoch \d+ on node \S+ \(\w{6}\): ", status, re.M)


@pytest.mark.long
def test_a_trial_whose_worker_dies_again_and_again_is_lost(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("base: {epochs: 100000}\ntables: [{factor: hidden_units, levels: [4]}]\n")
    process = started_training(study, tmp_path, "--cpus", "1")
    killed: set[int] = set()
    while process.poll() is None:
        for worker in set(workers_of(process.pid)) - killed:
            time.sleep(5)  # long enough for it to say where it is
            os.kill(worker, signal.SIGKILL)
            killed.add(worker)
        time.sleep(0.2)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 1, output
    assert len(killed) == RESTARTS + 1
    assert output.count("lost its worker, starts again: ") == RESTARTS
    assert "lost: " in output
    status = told_here("status", study, "--storage", "r", cwd=tmp_path)
    assert "lost with their worker and run again: 1 trial" in status
    assert "lost with their worker for good: 1 trial" in status


@pytest.mark.long
def test_a_terminal_gets_a_bar(tiny_study: Path, tmp_path: Path) -> None:
    terminal, other_end = os.openpty()
    process = subprocess.Popen(
        [*ABLATUNE, "run", str(tiny_study), "--storage", "r"],
        cwd=tmp_path,
        env={**environment(), "TERM": "xterm", "COLUMNS": "120"},
        stdout=other_end,
        stderr=other_end,
    )
    os.close(other_end)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    assert process.wait(timeout=60) == 0, shown.decode()
    assert "━" in shown.decode()
    assert "4/4 trials" in shown.decode()
    assert "4 completed" in shown.decode()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.long),
    ],
)
def test_interrupted_runs_say_so_and_continue(
    number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as this, the path of a folder is too long for the sockets in it.
    (tmp_path / ("t" * 100)).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("t" * 100)))
    study = tmp_path / "study.yaml"
    study.write_text("base: {epochs: 3000}\ntables: [{factor: hidden_units, levels: [4, 8, 16]}]\n")
    process = started_training(study, tmp_path, "--cpus", "1")
    if number == signal.SIGHUP:
        # A terminal that closes tells it to Ray's processes too.
        for one in descendants(process.pid):
            os.kill(one, number)
    process.send_signal(number)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == code, output
    assert "the same command continues" in output
    assert not re.search(r"Traceback|SIG\w+ received|PC: @|lost its worker", output), output


STAGED = """\
seeds: 2
fresh_seeds: 2
splits: validation
base: {dataset: digits, network: linear, epochs: 2, learning_rate: 0.01}
stages:
  - {name: longer, title: Longer, factor: epochs, levels: [2, 6]}
  - {name: network, title: Network, factor: hidden_units, levels: [4, 32], base: {network: mlp}}
final: {epochs: 6}
"""


def test_a_staged_study_runs_stage_after_stage(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STAGED)
    said = ablatune("run", "s.yaml", "--storage", "whole", cwd=tmp_path)
    assert "stages: longer is next, then network" in said
    assert "stages: longer → 6; network is next" in said
    assert "stages: longer → 6; network → 32" in said
    assert "nothing to run" in told_here("run", "s.yaml", "--storage", "whole", cwd=tmp_path)
    status = told_here("status", "s.yaml", "--storage", "whole", cwd=tmp_path)
    assert "stages: longer → 6; network → 32" in status
    assert "missing: 0" in status
    told_here("report", "s.yaml", "--storage", "whole", "--output", "w", cwd=tmp_path)
    text = (tmp_path / "w" / "report.md").read_text()
    assert "What each stage gained" in text
    assert "Chosen: 32, with the best validation mean of 2 levels." in text


@pytest.mark.long
def test_killing_a_staged_study_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STAGED)
    ablatune("run", "s.yaml", "--storage", "whole", cwd=tmp_path)
    process = subprocess.Popen([*ABLATUNE, "run", "s.yaml", "--storage", "cut"], cwd=tmp_path, env=environment())
    while not (tmp_path / "cut" / "ledger").exists() or len(list((tmp_path / "cut" / "ledger").iterdir())) < 4:
        time.sleep(0.1)
        assert process.poll() is None
    process.kill()
    process.wait()
    ablatune("run", "s.yaml", "--storage", "cut", cwd=tmp_path)
    assert_equal(numbers(tmp_path / "cut"), numbers(tmp_path / "whole"))


@pytest.mark.long
@pytest.mark.needs_data
def test_the_published_study_is_the_same_bits_with_one_and_two_at_once(data_dir: Path, tmp_path: Path) -> None:
    arguments = ("run", "martini_jamal_2026", "--data-dir", data_dir, "--seeds", 1, "--set", "epochs=3")
    for concurrent in (1, 2):
        ablatune(*arguments, "--storage", f"r{concurrent}", "--max-concurrent", concurrent, cwd=tmp_path)
    assert_equal(numbers(tmp_path / "r1"), numbers(tmp_path / "r2"))


@pytest.mark.long
def test_export_of_a_run_is_one_file(tiny_study: Path, tmp_path: Path) -> None:
    ablatune("run", tiny_study, "--storage", "r", cwd=tmp_path)
    told_here("ledger", "export", "all.parquet", "--storage", "r", cwd=tmp_path)
    assert pq.read_metadata(tmp_path / "all.parquet").num_rows == 4
