"""Wall time of a one-factor study on USPS: this project against a loop, Ray Tune and Optuna.

    python benchmarks/grid_race.py [--epochs 33] [--repetitions 3] [--contenders ours optuna]

All train the same 21 configurations of a CNN with one seed, the same split and one thread each, on two cores; what a
whole process takes is timed, start-up and reading the data included. The peers train and hand out trials as their
documentation does: a loop over a list, Ray Tune's `grid_search` with a function trainable, the same with reused actors,
and Optuna's `GridSampler` in two processes that share a journal. In every repetition they run one after another, in
rotating order. The medians, and each as a share of the fastest peer, are printed and written to `--table`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from race_problem import dataset_name, load_data, train_textbook

from tune_jobs.trial.config import TrialConfig

CPUS = 2
LEVELS: dict[str, tuple[Any, ...]] = {
    "hidden_layers": (1, 2, 3),
    "hidden_units": (4, 8, 16, 32),
    "kernel_size": (3, 5, 7),
    "activation": ("relu", "sigmoid", "tanh", "elu"),
    "batch_size": (32, 64, 128, 256),
    "learning_rate": (0.0001, 0.001, 0.01),
    "optimizer": ("adam", "nesterov"),
    "batch_norm": (False, True),
    "dropout": (0.0, 0.25, 0.5),
    "weight_decay": (0.0, 0.0001),
}


@dataclass(frozen=True)
class Told:
    """What a contender is told: where the data are, an empty folder, and the epochs of each trial."""

    data_dir: Path
    storage: Path
    epochs: int

    @property
    def base(self) -> TrialConfig:
        """The default configuration."""
        return TrialConfig(
            dataset=dataset_name(self.data_dir),
            network="cnn",
            hidden_layers=2,
            hidden_units=16,
            batch_size=64,
            epochs=self.epochs,
        )

    def configurations(self) -> list[TrialConfig]:
        """The default, and each level that differs from it."""
        others = [
            replace(self.base, **{name: level})
            for name, levels in LEVELS.items()
            for level in levels
            if level != getattr(self.base, name)
        ]
        return [self.base, *others]


def our_command(told: Told) -> list[str]:
    """`ablatune run` of a study with a table for each factor, whose file is written here."""
    study = {
        "seeds": 1,
        "base": {name: getattr(told.base, name) for name in ("dataset", "network", "epochs", "batch_size", *LEVELS)},
        "tables": [{"factor": name, "levels": list(levels)} for name, levels in LEVELS.items()],
    }
    file = told.storage / "grid_race.yaml"
    file.write_text(json.dumps(study))
    where = ["--storage", str(told.storage / "results"), "--data-dir", str(told.data_dir), "--no-download"]
    return [sys.executable, "-m", "tune_jobs", "run", str(file), "--cpus", str(CPUS), *where]


def run_loop(told: Told) -> None:
    """One configuration after another, in one process."""
    data = load_data(told.data_dir)
    for config in told.configurations():
        train_textbook(config, data, lambda epoch, accuracy: None)


def run_ray(told: Told, *, reuse: bool = False) -> None:
    """Ray Tune's grid of a function trainable."""
    import ray
    from ray import tune

    ray.init(address="local", num_cpus=CPUS, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(_ray_trial, data=load_data(told.data_dir)), {"cpu": 1}),
        param_space={"config": tune.grid_search(told.configurations())},
        tune_config=tune.TuneConfig(metric="mean_accuracy", mode="max", reuse_actors=reuse),
        run_config=tune.RunConfig(name="grid", storage_path=str(told.storage)),
    )
    tuner.fit()


def _ray_trial(chosen: dict[str, Any], *, data: Any) -> None:
    from ray import tune

    train_textbook(chosen["config"], data, lambda epoch, accuracy: tune.report({"mean_accuracy": accuracy}))


def run_optuna(told: Told) -> None:
    """Optuna's grid, in two processes that share a journal."""
    workers = [
        subprocess.Popen([sys.executable, __file__, "--worker", *_arguments_of(told)], stderr=subprocess.DEVNULL)
        for _ in range(CPUS)
    ]
    if any(worker.wait() for worker in workers):
        raise SystemExit("a process of Optuna failed")


def optuna_worker(told: Told) -> None:
    """Train points of the grid until all are taken."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    data, configurations = load_data(told.data_dir), told.configurations()

    def objective(trial: Any) -> float:
        config = configurations[trial.suggest_int("number", 0, len(configurations) - 1)]
        last = 0.0

        def on_epoch(epoch: int, accuracy: float) -> None:
            nonlocal last
            last = accuracy
            trial.report(accuracy, epoch)

        train_textbook(config, data, on_epoch)
        return last

    study = optuna.create_study(
        study_name="grid",
        storage=JournalStorage(JournalFileBackend(str(told.storage / "journal.log"))),
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"number": list(range(len(configurations)))}, seed=0),
    )
    study.optimize(objective)


CONTENDERS: dict[str, tuple[str, Callable[[Told], None]]] = {
    "loop": ("a loop", run_loop),
    "ray": ("Ray Tune, grid_search", run_ray),
    "ray_reuse": ("Ray Tune, reused actors", partial(run_ray, reuse=True)),
    "optuna": ("Optuna, GridSampler, 2 processes", run_optuna),
}


OURS = "ours"
LABELS = {OURS: "ablatune run"} | {name: label for name, (label, _) in CONTENDERS.items()}


def _command_of(name: str, told: Told) -> list[str]:
    if name == OURS:
        return our_command(told)
    return [sys.executable, __file__, "--run", name, *_arguments_of(told)]


def _arguments_of(told: Told) -> list[str]:
    return ["--data-dir", str(told.data_dir), "--storage", str(told.storage), "--epochs", str(told.epochs)]


def seconds_of(name: str, told: Told) -> float:
    """Wall seconds of a contender's whole process, in an empty folder.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="grid-race-") as folder:
        command = _command_of(name, replace(told, storage=Path(folder)))
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return seconds


def race(names: list[str], told: Told, repetitions: int) -> dict[str, list[float]]:
    """Run every contender so many times, in rotating order; return the seconds of each."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repetitions):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            found[name].append(seconds_of(name, told))
            print(f"{number + 1}/{repetitions} {LABELS[name]}: {found[name][-1]:.1f} s", flush=True)
    return found


def table(found: dict[str, list[float]], told: Told) -> str:
    """The results as a Markdown table, with the machine and the versions."""
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    fastest = min((median for name, median in medians.items() if name != OURS), default=None)
    versions = ", ".join(f"{package} {version(package)}" for package in ("torch", "ray", "optuna"))
    lines = [
        f"{len(told.configurations())} configurations of {told.epochs} epochs on {told.base.dataset}, one seed; "
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {versions}.",
        "",
        "| contender | median, s | of the fastest peer | all, s |",
        "|---|---|---|---|",
    ]
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        share = f"{median / fastest:.2f}" if fastest is not None else ""
        every = ", ".join(f"{seconds:.1f}" for seconds in found[name])
        lines.append(f"| {LABELS[name]} | {median:.1f} | {share} | {every} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the race, or one contender of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=33, help="of each configuration (33)")
    parser.add_argument("--repetitions", type=int, default=3, help="of the race (3)")
    parser.add_argument("--contenders", nargs="+", choices=LABELS, default=list(LABELS))
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("ABLATUNE_DATA_DIR", "data")))
    parser.add_argument("--table", type=Path, help="also write the table to this file")
    parser.add_argument("--storage", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    told = Told(given.data_dir.resolve(), given.storage, given.epochs)
    if given.worker:
        optuna_worker(told)
    elif given.run:
        CONTENDERS[given.run][1](told)
    else:
        made = table(race(given.contenders, told, given.repetitions), told)
        print(made)
        if given.table is not None:
            given.table.write_text(made)


if __name__ == "__main__":
    main()
