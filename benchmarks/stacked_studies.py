"""Published studies of small networks, in stacks and singly: whole processes, one after the other in turns.

    python benchmarks/stacked_studies.py [--repetitions 1] [--data-dir data] [--studies gaussian toy]

- gaussian: the six tables of di_piazza_2023 with a Gaussian likelihood: ten seeds in stacks beside one seed singly.
- toy: all of riou_san_roman with its ten replicates.
- mnist: two epochs of each trial of shusrith_2025, with its three seeds.

Prints the wall time of `ablatune run`, start-up included, and the seconds of training of all trials.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import shipped_studies

GAUSSIAN = ("nll_layers", "nll_neurons", "nll_activation", "nll_batch_size", "nll_optimizer", "nll_epochs")


@dataclass(frozen=True)
class Contender:
    """A way to run a study.

    Attributes:
        name: for the table.
        arguments: of `ablatune run`, beside the study, the storage and the data.
    """

    name: str
    arguments: Sequence[str]


STUDIES: dict[str, tuple[str, Sequence[Contender]]] = {
    "gaussian": (
        "gaussian",
        (
            Contender("1 seed singly", ("--seeds", "1", "--stack", "off")),
            Contender("10 seeds in stacks", ("--seeds", "10")),
        ),
    ),
    "toy": ("riou_san_roman", (Contender("10 seeds in stacks", ()), Contender("10 seeds singly", ("--stack", "off")))),
    "mnist": (
        "shusrith_2025",
        (
            Contender("3 seeds in stacks, 2 epochs", ("--fraction", "0.04", "--stack", "16")),
            Contender("3 seeds singly, 2 epochs", ("--fraction", "0.04", "--stack", "off")),
        ),
    ),
}


def gaussian_study() -> str:
    """Cut the six tables out of the shipped study, as a document."""
    whole = YAML(typ="safe").load(shipped_studies()["di_piazza_2023"])
    kept = {key: whole[key] for key in ("base", "seeds", "splits") if key in whole}
    kept["tables"] = [table for table in whole["tables"] if table.get("name") in GAUSSIAN]
    return json.dumps(kept)  # which is YAML


def run(study: str, contender: Contender, data_dir: Path) -> tuple[float, float, int]:
    """Run a study in a new storage; return wall seconds, seconds of training, and the number of trials.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="stacked-studies-") as folder:
        named = study
        if study == "gaussian":
            named = str(Path(folder) / "gaussian.yaml")
            Path(named).write_text(gaussian_study())
        command = [sys.executable, "-m", "tune_jobs", "run", named, "--storage", f"{folder}/results"]
        command += ["--data-dir", str(data_dir.resolve()), "--no-download", *contender.arguments]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{study} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        records = Ledger.open(Storage.at(f"{folder}/results")).read().records.values()
        return seconds, sum(record.train_seconds[-1] for record in records if record.epochs), len(records)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=1, help="of each (1)")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("ABLATUNE_DATA_DIR", "data")))
    given = parser.parse_args()
    print(f"{'study':10s} {'run':28s} {'trials':>6s} {'wall s':>8s} {'training s':>10s}")
    for name in given.studies:
        study, contenders = STUDIES[name]
        for _ in range(given.repetitions):
            for contender in contenders:
                wall, training, trials = run(study, contender, given.data_dir)
                print(f"{name:10s} {contender.name:28s} {trials:6d} {wall:8.1f} {training:10.1f}", flush=True)


if __name__ == "__main__":
    main()
