"""What `run` with nothing to run, `status` and `report` take over a ledger of many trials.

    python benchmarks/ledger_scale.py [--huge] [--beside CHECKOUT] [--keep FOLDER]

Whole processes over made-up ledgers of 1,000, 10,000 and, with `--huge`, 100,000 trials: two tables of ten levels,
replicated; each trial has 20 epochs and the predictions of the digits' validation part, in packs of 500. Prints the
least seconds of several repetitions, the seconds of processor time and the peak memory beside the aims, then the
machine and the versions. A peak is never less than that of this script, which the system counts into its children's.
With `--beside` another checkout reads the same ledgers, in turn with this one.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np

from data_utils import load_trial_data
from models.version import SINGLE
from tune_jobs.ledger.file_names import FOLDER, PACK_SIZE
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.parquet import to_parquet
from tune_jobs.ledger.record import ISOLATED, Record, encode_fields
from tune_jobs.ledger.runs import Manifest, write_manifest
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.standing.standing import stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.trial.data import data_id
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import Trial

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 10_000, 100_000)
REPETITIONS = 3
EPOCHS = 20
ROWS = 20
STUDY = """\
title: Two tables of ten levels
reproduces: nothing; a ledger of many trials
description: Made-up trials.
seeds: {seeds}
base: {{dataset: digits, network: mlp, epochs: {epochs}}}
tables:
"""
TABLE = """\
  - {{title: Learning rate with {units} units, name: units_{units}, factor: learning_rate,
     base: {{hidden_units: {units}}}, levels: [0.001, 0.0001, 0.0002, 0.0005, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]}}
"""


@dataclass(frozen=True)
class Aim:
    """The most that a command over so many trials should take; 0 for no aim."""

    seconds: float = 0
    gigabytes: float = 0


AIMS = {
    ("run", 1_000): Aim(1),
    ("run", 10_000): Aim(3),
    ("run", 100_000): Aim(15, 1),
    ("report", 10_000): Aim(15),
    ("report", 100_000): Aim(60, 2),
}


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock, seconds of processor time, peak memory in MB."""

    seconds: float
    processor_seconds: float
    peak_megabytes: float


def write_study(folder: Path, trials: int) -> Path:
    """Write the file of a study with so many trials."""
    path = folder / f"made_up_{trials}.yaml"
    tables = [TABLE.format(units=16 * (1 + number)) for number in range(2)]
    path.write_text(STUDY.format(seeds=trials // ROWS, epochs=EPOCHS) + "".join(tables))
    return path


def made_up(trial: Trial, fingerprint: str, outputs: bytes, generator: np.random.Generator) -> Record:
    """A record as a worker writes it, with random numbers in place of what training would have given."""
    config, steps = trial.config, np.arange(1, EPOCHS + 1)
    level = 90 + 3 * np.log10(config.learning_rate) + generator.normal(0, 0.3)
    accuracy = tuple((level * (1 - 0.6 * np.exp(-steps / 3)) + generator.normal(0, 0.2, EPOCHS)).tolist())
    loss = tuple((2 / steps + generator.random(EPOCHS)).tolist())
    return Record(
        key=trial.key,
        fields=encode_fields(trajectory(config)),
        dataset=config.dataset,
        fingerprint=fingerprint,
        engine_version=1,
        seed=config.seed,
        outcome="completed",
        epochs=EPOCHS,
        metric="accuracy",
        target_unit="",
        outputs=10,
        train_loss=loss,
        train_metric=accuracy,
        validation_loss=loss,
        validation_metric=accuracy,
        learning_rate=(config.learning_rate,) * EPOCHS,
        train_seconds=tuple((0.05 * steps + generator.random() / 100).tolist()),
        measured_epochs=(EPOCHS,),
        measured_train_loss=loss[-1:],
        measured_train_metric=accuracy[-1:],
        validation_outputs=(outputs,),
        study="made_up",
        code_version="0.1.0",
        packages='{"python": "3.11.2", "numpy": "2.3.0", "ray": "2.60.0", "torch": "2.13.0"}',
        host="node-1",
        node="f" * 56,
        device="cpu",
        machine_kind="cpu/x86_64/AVX2/torch 2.13.0/1 thread",
        execution_mode="single",
        process=ISOLATED,
        started_at=datetime(2026, 1, 23, 12, config.seed % 60, tzinfo=UTC),
        wall_seconds=1.5,
        command="ablatune run made_up",
    )


def write_ledger(folder: Path, trials: int) -> Path:
    """Write a study and a ledger with all of its trials; return the study's file."""
    path = write_study(folder, trials)
    study = load_study(str(path))
    data = load_trial_data("digits", data_dir=folder)
    storage = Storage.at(str(folder / path.stem))
    Ledger.open(storage, create=True)
    fingerprints = {data_id(study.config()): data.fingerprint}
    standing = stand(study, None, range(study.seeds), fingerprints)
    # As a run leaves it: without, the next run would find out anew how the trials train.
    modes = {table.name: SINGLE for table in study.tables}
    write_manifest(storage, Manifest(study.name, {}, study.seeds, fingerprints, declared=study.seeds, modes=modes))
    targets = data.validation_targets
    write_targets(storage, targets_name(data.fingerprint, study.config()), {"targets": targets})
    generator = np.random.default_rng(0)
    outputs = generator.random((len(targets), 10), dtype=np.float32).tobytes()
    records = (made_up(trial, data.fingerprint, outputs, generator) for trial in standing.trials)
    for pack in packs(records):
        storage.write(to_parquet(pack), FOLDER, f"pack-{uuid.uuid4().hex}.parquet")
    return path


def packs(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Divide records into packs."""
    while pack := list(islice(records, PACK_SIZE)):
        yield pack


def process_cost(arguments: Sequence[str], checkout: Path, folder: Path) -> Cost:
    """Run a command of a checkout's ablatune in a process of its own, and say what it took."""
    python = checkout / ".venv" / "bin" / "python"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [python if python.exists() else sys.executable, "-m", "tune_jobs", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(arguments)}: ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def time_commands(study: Path, trials: int, checkouts: Sequence[Path]) -> None:
    """Time each command over a ledger, and print a line for each checkout."""
    storage = str(study.with_suffix(""))
    for command in ("run", "status", "report"):
        repetitions = REPETITIONS if trials < max(SIZES) else 1
        costs: dict[Path, list[Cost]] = {checkout: [] for checkout in checkouts}
        for _ in range(repetitions):
            for number, checkout in enumerate(checkouts):
                output = ["--output", f"{storage}-report-{number}"] if command == "report" else []
                arguments = [command, study.name, "--storage", storage, *output]
                costs[checkout].append(process_cost(arguments, checkout, study.parent))
        aim = AIMS.get((command, trials), Aim())
        for checkout, found in costs.items():
            least = min(found, key=lambda cost: cost.seconds)
            print(
                f"{command:7s}{trials:8,d} trials  {least.seconds:6.2f} s{_at_most(aim.seconds, 's'):16s}"
                f"{min(cost.processor_seconds for cost in found):7.2f} s of processor time"
                f"{max(cost.peak_megabytes for cost in found):7.0f} MB{_at_most(aim.gigabytes, 'GB'):16s}"
                f"{checkout if len(checkouts) > 1 else ''}",
                flush=True,
            )


def _at_most(limit: float, unit: str) -> str:
    return f" (aim: {limit:g} {unit})" if limit else ""


def main() -> None:
    """Make the ledgers, time the commands over them, and print the machine and the versions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--huge", action="store_true", help="also 100,000 trials, which takes minutes")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="another checkout, with its .venv")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the ledgers here, or use those kept before")
    options = parser.parse_args()
    checkouts = [ROOT, *([options.beside.resolve()] if options.beside else [])]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for trials in SIZES if options.huge else SIZES[:-1]:
            kept = folder / f"made_up_{trials}.yaml"
            time_commands(kept if kept.exists() else write_ledger(folder, trials), trials, checkouts)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "pyarrow", "pandas", "matplotlib"))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}, {versions}; seconds: least of {REPETITIONS}, of 100,000 trials the only"
    )


if __name__ == "__main__":
    main()
