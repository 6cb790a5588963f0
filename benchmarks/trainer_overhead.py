"""What a training function costs beside the engine: one CNN, trained by the engine and by a function of the same steps.

    python benchmarks/trainer_overhead.py [--pairs N] [--epochs N]

Both train a small CNN on the digits with one thread, as trials of a study, in turns. The function has a process of its
own for each trial, loads the data itself, reports each epoch and offers a checkpoint after it. Says whether the numbers
of all epochs are equal, and prints how much longer the whole trial takes, record and process included: the median over
pairs, the least and the most.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch

from data_utils import load_trial_data
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.standing import stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.training.data import NO_DATA
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial

# The engine's own steps, in a function as a user writes it.
MODULE = """\
from pathlib import Path

import torch

from data_utils import load_trial_data
from models.device_data import DeviceData
from models.learner import Learner
from models.measuring import epoch_row, evaluate
from models.output_check import check_outputs
from models.reproducible import reproducible
from tune_jobs.trial.config import TrialConfig


def train(trial, *, hidden_units: int = 16, learning_rate: float = 0.001):
    config = TrialConfig(
        network="cnn", hidden_layers=2, hidden_units=hidden_units, learning_rate=learning_rate, seed=trial.seed
    )
    data = load_trial_data("digits", data_dir=Path())
    device = torch.device(trial.device)
    with reproducible(trial.threads, device):
        on_device = DeviceData.on_device(config, data, check_outputs(config, data), device)
        learner = Learner(config, trial.seed, on_device)
        for epoch in trial.epochs():
            trained = learner.train_epoch(None)
            outputs = evaluate(learner.network, on_device.validation.inputs, on_device)
            row = epoch_row(trained, outputs, on_device)
            trial.report(
                train_loss=row.train_loss,
                validation_loss=row.validation_loss,
                validation_accuracy=row.validation_metric,
            )
            trial.save({"network": learner.network.state_dict(), "optimizer": learner.optimizer.state_dict()})
"""
ENGINE = """\
title: By the engine
seeds: {seeds}
base: {{dataset: digits, network: cnn, hidden_layers: 2, hidden_units: 16, learning_rate: 0.001, epochs: {epochs}}}
resources: {{stack: off}}
tables: [{{factor: hidden_units, levels: [16]}}]
"""
TRAINER = """\
title: By a training function
seeds: {seeds}
base: {{trainer: "same_steps:train", hidden_units: 16, learning_rate: 0.001, epochs: {epochs}}}
metrics: {{validation_accuracy: max, validation_loss: min, train_loss: min}}
metric: validation_accuracy
tables: [{{factor: hidden_units, levels: [16]}}]
"""
STUDIES = {"engine": ENGINE, "trainer": TRAINER}
Train = Callable[[int], tuple[Record, float]]


def trainings(folder: Path, epochs: int, seeds: int) -> dict[str, Train]:
    """Return, by its name, what trains the trial of a seed and returns its record and seconds.

    Args:
        folder: an empty one.
        epochs: of a trial.
        seeds: how many trials each can train.
    """
    (folder / "same_steps.py").write_text(MODULE)
    return {name: _training(folder, name, text.format(seeds=seeds, epochs=epochs)) for name, text in STUDIES.items()}


def _training(folder: Path, name: str, text: str) -> Train:
    (folder / f"{name}.yaml").write_text(text)
    study = load_study(str(folder / f"{name}.yaml"), {})
    ledger = Ledger.open(Storage.at(str(folder / name)), create=True)
    seeds = range(study.seeds)
    missing = stand(study, ledger, seeds, data_fingerprints(study, seeds, folder, download=False)).missing()
    trials = {trial.config.seed: trial for trial in missing}
    data = NO_DATA if name == "trainer" else load_trial_data("digits", data_dir=folder)
    job = Job(
        study.name,
        ledger.storage.uri,
        study.config(),
        0.0,
        False,
        None,
        "",
        "benchmark",
        code=study.own.code,
        metrics=study.metrics,
        tensorboard="off",
    )

    def train(seed: int) -> tuple[Record, float]:
        start = time.perf_counter()
        record = run_trial(trials[seed], data, job)
        return record, time.perf_counter() - start

    return train


def are_equal(engine: Record, trainer: Record) -> bool:
    """Tell whether two records hold the same numbers in every epoch, bit for bit."""
    return (
        engine.outcome == trainer.outcome == "completed"
        and engine.train_loss == trainer.train_loss
        and engine.validation_loss == trainer.validation_loss
        and engine.validation_metric == trainer.validation_metric
    )


def main() -> None:
    """Train the pairs and print what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=430, help="as many as make a trial of about 10 s")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, Python {platform.python_version()}, torch {torch.__version__}, ray {version('ray')}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        train = trainings(Path(folder), asked.epochs, asked.pairs + 1)
        # The first of each loads what a worker keeps.
        first = {name: one(asked.pairs)[1] for name, one in train.items()}
        seconds: dict[str, list[float]] = {name: [] for name in train}
        equal = 0
        for seed in range(asked.pairs):
            records = {}
            for name in sorted(train, reverse=bool(seed % 2)):
                records[name], took = train[name](seed)
                seconds[name].append(took)
            equal += are_equal(records["engine"], records["trainer"])
    print(f"{asked.pairs} pairs of {asked.epochs} epochs; {equal} have equal numbers in every epoch, bit for bit")
    for name, found in seconds.items():
        print(f"{name}: median {statistics.median(found):.2f} s a trial; the worker's first {first[name]:.2f} s")
    more = [b - a for a, b in zip(seconds["engine"], seconds["trainer"], strict=True)]
    share = [100 * added / took for added, took in zip(more, seconds["engine"], strict=True)]
    print(
        f"the training function takes {statistics.median(more):+.3f} s ({min(more):+.3f} to {max(more):+.3f}) more: "
        f"{statistics.median(share):+.1f}% ({min(share):+.1f} to {max(share):+.1f}%) of the trial"
    )


if __name__ == "__main__":
    main()
