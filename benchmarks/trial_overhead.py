"""What a trial costs beside its training: in a worker that is reused, with the user's code, and in a new process.

    python benchmarks/trial_overhead.py [TRIALS]

All train the same small network on the digits, one epoch with one thread: a shipped one in this process, as a worker
does; the same as the user's code, in a process that is forked for each trial; and a process that is started for each
trial, as the simplest isolation would. The three are interleaved. Prints the median, the least and the most of the
seconds that are not training.
"""

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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


def trained(job: Job, seed: int, **fields: Any) -> Record:
    config = TrialConfig(hidden_units=8, epochs=1, seed=seed, **fields)
    return run_trial(Trial(trial_key(config, DATA.fingerprint), config, 1, frozenset({1})), DATA, job)


def beside(train: Callable[[int], float], seed: int) -> float:
    """Seconds of a trial that are not training."""
    start = time.perf_counter()
    training = train(seed)
    return time.perf_counter() - start - training


def in_a_new_process(seed: int) -> float:
    root = str(Path(__file__).resolve().parents[1])
    program = NEW_PROCESS.format(root=root, seed=seed)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Time the three, interleaved, and print a line for each."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 15
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
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, {trials} trials each")
    for name, found in seconds.items():
        print(
            f"{name}: median {statistics.median(found):.3f} s, {min(found):.3f} to {max(found):.3f} s; "
            f"the first {first[name]:.2f} s"
        )


if __name__ == "__main__":
    main()
