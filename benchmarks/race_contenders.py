"""The contenders of `search_race.py`, which runs each in a new process: `python race_contenders.py NAME …`."""

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from race_problem import (
    EPOCHS,
    GRACE_EPOCHS,
    REDUCTION_FACTOR,
    SPACE,
    Dimension,
    Stamps,
    dataset_name,
    load_data,
    train_engine,
    train_textbook,
    trial_config,
)

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage


@dataclass(frozen=True)
class Race:
    """Settings of a contender.

    Attributes:
        storage: an empty folder.
        stamps: takes finished epochs.
        seconds: until it is stopped, from now.
        worker: number of this process of the contender, from 0.
        engine: whether to train with the project's engine, not the textbook loop.
        reuse: whether Ray reuses the process of a trial for the next.
    """

    data_dir: Path
    storage: Path
    stamps: Stamps
    seconds: float
    seed: int
    cpus: int
    worker: int = 0
    engine: bool = False
    reuse: bool = False


@dataclass(frozen=True)
class Contender:
    """A contender: its name, and how to run it.

    Attributes:
        kind: "ours", "ray" or "optuna".
        engine, reuse: as in `Race`.
    """

    label: str
    kind: str
    engine: bool = False
    reuse: bool = False

    def processes(self, cpus: int) -> int:
        """How many processes to start; Ray starts its own."""
        return cpus if self.kind == "optuna" else 1


CONTENDERS = {
    "ours": Contender("ablatune search", "ours"),
    "ray": Contender("Ray Tune ASHA", "ray"),
    "optuna": Contender("Optuna TPE + Hyperband", "optuna"),
    "ray_engine": Contender("Ray Tune ASHA, our engine", "ray", engine=True),
    "optuna_engine": Contender("Optuna TPE + Hyperband, our engine", "optuna", engine=True),
    "ray_reuse": Contender("Ray Tune ASHA, our engine, reused actors", "ray", engine=True, reuse=True),
}


def run_ours(race: Race) -> None:
    """Run the search of a study, as `ablatune run` does, until this process is interrupted.

    Epochs are stamped afterwards from the ledger, evenly over the wall time of their trial. Trials that have not ended
    by then do not count.
    """
    import ablatune

    study = ablatune.Study(
        name="search_race",
        storage=race.storage,
        data_dir=race.data_dir,
        base={"dataset": dataset_name(race.data_dir), "network": "cnn", "epochs": EPOCHS},
        search={
            "space": {name: study_range(dimension) for name, dimension in SPACE.items()},
            "reduction_factor": REDUCTION_FACTOR,
            "grace_epochs": GRACE_EPOCHS,
            "seed": race.seed,
            "budget": {"minutes": race.seconds / 60},
        },
    )
    study.run(cpus=race.cpus, download=False)
    records = Ledger.open(Storage.at(str(race.storage))).read().records
    for key, record in records.items():
        for epoch, accuracy in enumerate(record.validation_metric, start=1):
            at = record.started_at.timestamp() + record.wall_seconds * epoch / record.epochs
            race.stamps.write(key, epoch, accuracy, at=at)


def study_range(dimension: Dimension) -> Any:
    """A dimension as in a study file."""
    if dimension.choices:
        return list(dimension.choices)
    bounds = {"low": dimension.low, "high": dimension.high, "scale": "log" if dimension.log else "linear"}
    return {**bounds, "when": dict(dimension.only)} if dimension.only else bounds


def run_ray(race: Race) -> None:
    """Search as Ray's `mnist_pytorch.py` does: a function trainable, random points, ASHA, until the time is up.

    In its favour, trials get the data from the object store, not from a file, and there is no dashboard. All else is
    Ray's default.
    """
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import BasicVariantGenerator

    ray.init(address="local", num_cpus=race.cpus, include_dashboard=False)
    data = load_data(race.data_dir)
    trainable = tune.with_parameters(ray_trial, data=data, race=race)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={name: ray_range(dimension) for name, dimension in SPACE.items()},
        tune_config=tune.TuneConfig(
            metric="mean_accuracy",
            mode="max",
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=GRACE_EPOCHS, reduction_factor=REDUCTION_FACTOR),
            search_alg=BasicVariantGenerator(random_state=race.seed),
            num_samples=-1,
            time_budget_s=race.seconds,
            reuse_actors=race.reuse,
        ),
        run_config=tune.RunConfig(name="race", storage_path=str(race.storage)),
    )
    tuner.fit()


def ray_trial(chosen: dict[str, Any], *, data: Any, race: Race) -> None:
    """Train one point of the space, and report each epoch to Tune."""
    from ray import tune

    trial = str(tune.get_context().get_trial_id())

    def on_epoch(epoch: int, accuracy: float) -> None:
        race.stamps.write(trial, epoch, accuracy)
        tune.report({"mean_accuracy": accuracy})

    train = train_engine if race.engine else train_textbook
    train(trial_config(data.dataset, race.seed, chosen), data, on_epoch)


def ray_range(dimension: Dimension) -> Any:
    """A dimension as Ray samples it, also at points where it has no effect."""
    from ray import tune

    low, high = dimension.low, dimension.high
    if dimension.choices:
        return tune.choice(list(dimension.choices))
    if dimension.whole:  # Ray leaves the upper bound of whole numbers out.
        return (tune.lograndint if dimension.log else tune.randint)(int(low), int(high) + 1)
    return tune.loguniform(low, high) if dimension.log else tune.uniform(low, high)


def run_optuna(race: Race) -> None:
    """Search as Optuna's `pytorch_simple.py` does, as one of several processes that share a journal file."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    data = load_data(race.data_dir)
    study = optuna.create_study(
        study_name="race",
        storage=JournalStorage(JournalFileBackend(str(race.storage / "journal.log"))),
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=race.seed * race.cpus + race.worker),
        pruner=optuna.pruners.HyperbandPruner(
            min_resource=GRACE_EPOCHS, max_resource=EPOCHS, reduction_factor=REDUCTION_FACTOR
        ),
    )
    study.optimize(partial(optuna_trial, data=data, race=race), timeout=race.seconds)


def optuna_trial(trial: Any, *, data: Any, race: Race) -> float:
    """Train one point of the space, and report each epoch to Optuna; return the last validation accuracy."""
    import optuna

    last = 0.0

    def on_epoch(epoch: int, accuracy: float) -> None:
        nonlocal last
        last = accuracy
        race.stamps.write(str(trial.number), epoch, accuracy)
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    train = train_engine if race.engine else train_textbook
    train(trial_config(data.dataset, race.seed, optuna_point(trial)), data, on_epoch)
    return last


def optuna_point(trial: Any) -> dict[str, Any]:
    """A point of the space, with the hyperparameters that have an effect there."""
    chosen: dict[str, Any] = {}
    for name, dimension in SPACE.items():
        if any(chosen[other] != value for other, value in dimension.only.items()):
            continue
        if dimension.choices:
            chosen[name] = trial.suggest_categorical(name, dimension.choices)
        elif dimension.whole:
            chosen[name] = trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
        else:
            chosen[name] = trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    return chosen


RUN = {"ours": run_ours, "ray": run_ray, "optuna": run_optuna}


def main() -> None:
    """Run a process of a contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--stamps", required=True)
    parser.add_argument("--started", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--worker", type=int, default=0)
    told = parser.parse_args()
    contender = CONTENDERS[told.contender]
    race = Race(
        data_dir=told.data_dir,
        storage=told.storage,
        stamps=Stamps(told.stamps, told.started),
        seconds=told.seconds,
        seed=told.seed,
        cpus=told.cpus,
        worker=told.worker,
        engine=contender.engine,
        reuse=contender.reuse,
    )
    try:
        RUN[contender.kind](race)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
