"""What a trial costs beside its training: in a worker that is reused, with the user's code, and in a new process.

    python benchmarks/trial_overhead.py [TRIALS] [--run-trials N] [--runs N] [--beside FOLDER]

First whole runs: processes of `ablatune run`, start-up included, that train trials of one epoch of a small MLP on the
digits into a new storage. Prints the seconds of each trial, and the memory of each: what the driver's peak has more
than with 10 trials. With `--beside`, another copy of the project takes turns with this one; `--run-trials 10000` shows
whether the price of a trial stays the same.

Then single trials. All train the same small network on the digits, one epoch with one thread: a shipped one in this
process, as a worker does; the same as the user's code, in a process that is forked for each trial; and a process that
is started for each trial, as the simplest isolation would. The three are interleaved. Prints the median, the least and
the most of the seconds that are not training.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from data_utils import load_trial_data
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.modules import freeze

DATA = load_trial_data("digits", data_dir=Path())
NETWORK = """\
from torch import nn


def net(in_features: int, outputs: int):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, 8), nn.ReLU(), nn.Linear(8, outputs))
"""
NEW_PROCESS = """\
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from typing import Any
from data_utils import load_trial_data
from models.engine import train
from tune_jobs.trial.config import TrialConfig
data = load_trial_data("digits", data_dir=Path())
print(train(TrialConfig(hidden_units=8, epochs=1, seed={seed}), [{seed}], data)[0].history.train_seconds[-1])
"""
ROOT = Path(__file__).resolve().parents[1]
LEVELS = 10
STUDY = """\
title: Many short trials
base: {{dataset: digits, network: mlp, hidden_units: 8, epochs: 1, batch_size: 64}}
seeds: {seeds}
tables: [{{factor: hidden_units, levels: [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]}}]
"""
# The peak is that of the driver alone: Ray's processes are counted elsewhere.
DRIVER = """\
import resource, sys
from tune_jobs.commands.cli import main
code = main(sys.argv[1:])
print("peak:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def whole_run(project: Path, trials: int) -> tuple[float, float]:
    """Run so many trials with a copy of the project; return the seconds, and the driver's peak memory in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "many.yaml").write_text(STUDY.format(seeds=trials // LEVELS))
        python = project / ".venv" / "bin" / "python"
        start = time.perf_counter()
        done = subprocess.run(
            [python if python.exists() else sys.executable, "-c", DRIVER, "run", "many.yaml", "--storage", "results"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
    said, _, peak = done.stdout.rpartition("peak:")
    if done.returncode or f"{trials:,} completed" not in said:
        raise RuntimeError(f"not all of {trials} trials were completed:\n{done.stdout}{done.stderr}")
    return seconds, float(peak)


def whole_runs(projects: Sequence[Path], trials: int, runs: int) -> None:
    """Time whole runs of each copy of the project in turns, and print a line for each copy."""
    seconds: dict[Path, list[float]] = {project: [] for project in projects}
    peaks: dict[Path, list[float]] = {project: [] for project in projects}
    few = {project: whole_run(project, LEVELS)[1] for project in projects}
    for _ in range(runs):
        for project in projects:
            took, peak = whole_run(project, trials)
            seconds[project].append(took / trials)
            peaks[project].append((peak - few[project]) / (trials - LEVELS))
    for project in projects:
        each, memory = seconds[project], statistics.median(peaks[project])
        print(
            f"whole runs of {trials:,} trials{'' if project == ROOT else f', {project}'}: median "
            f"{statistics.median(each):.4f} s a trial, {min(each):.4f} to {max(each):.4f} s in {runs} runs; the peak "
            f"memory of the driver grows by {memory:.1f} KiB a trial",
            flush=True,
        )


def trained(job: Job, seed: int, **fields: Any) -> Record:
    config = TrialConfig(hidden_units=8, epochs=1, seed=seed, **fields)
    return run_trial(Trial(trial_key(config, DATA.fingerprint), config, 1, frozenset({1})), DATA, job)


def beside(train: Callable[[int], float], seed: int) -> float:
    """Seconds of a trial that are not training."""
    start = time.perf_counter()
    training = train(seed)
    return time.perf_counter() - start - training


def in_a_new_process(seed: int) -> float:
    program = NEW_PROCESS.format(root=str(ROOT), seed=seed)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def single_trials(trials: int) -> None:
    """Time the three, interleaved, and print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bench_net.py").write_text(NETWORK)
        code = freeze(["bench_net:net"], [Path(folder)])
        storage = f"{folder}/results"
        Ledger.open(Storage.at(storage), create=True)
        job = Job("bench", storage, TrialConfig(), 0.0, False, None, "", "benchmark", code=code)
        own: dict[str, Any] = {
            "network": "bench_net:net",
            "own": {"code of network": code.fingerprint("bench_net:net")},
        }
        ways: dict[str, Callable[[int], float]] = {
            "shipped network, reused worker": lambda seed: trained(job, seed).train_seconds[-1],
            "user's network, process forked for the trial": lambda seed: trained(job, seed, **own).train_seconds[-1],
            "new process for the trial": in_a_new_process,
        }
        first = {name: beside(train, 10**6) for name, train in ways.items()}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for seed in range(trials):
            for name, train in ways.items():
                seconds[name].append(beside(train, seed))
    print(f"{trials} single trials of each kind, seconds beside training:")
    for name, found in seconds.items():
        print(
            f"{name}: median {statistics.median(found):.3f} s, {min(found):.3f} to {max(found):.3f} s; "
            f"the first {first[name]:.2f} s"
        )


def main() -> None:
    """Time whole runs, then single trials."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trials", type=int, nargs="?", default=15, help="single trials of each kind; 0 for none")
    parser.add_argument("--run-trials", type=int, default=1000, help="trials of a whole run; 0 for no whole runs")
    parser.add_argument("--runs", type=int, default=3, help="whole runs")
    parser.add_argument("--beside", type=Path, help="another copy of the project, whose whole runs take turns")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, Python {platform.python_version()}, torch {torch.__version__}, ray {version('ray')}", flush=True)
    if asked.run_trials:
        whole_runs([ROOT, *([asked.beside.resolve()] if asked.beside else [])], asked.run_trials, asked.runs)
    if asked.trials:
        single_trials(asked.trials)


if __name__ == "__main__":
    main()
