"""Studies with a training function, trained in this process without Ray."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.history import History
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.search.journal import Journal, read_journal
from tune_jobs.standing.search.search_trial import signed
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.search_identity import default_config, search_id
from tune_jobs.training.data import NO_DATA
from tune_jobs.training.director import Director
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.data import data_id
from tune_jobs.trial.trial import Trial

# Trains a number, in no time; what it has loaded and trained it writes into its folder.
CLIMB = """
import random
from pathlib import Path
from typing import Annotated, Literal


class Ge:
    def __init__(self, ge):
        self.ge = ge


def train(trial, *, learning_rate: float, width: Annotated[int, Ge(1)] = 4, mode: Literal["up", "down"] = "up"):
    state = trial.load() or {"value": 0.0, "random": random.getstate()}
    value = state["value"]
    random.setstate(state["random"])
    with open(trial.folder / "log.txt", "a") as log:
        for epoch in trial.epochs():
            log.write(f"{epoch} ")
            value += learning_rate * width * (1 if mode == "up" else -1) + 0.01 * random.random()
            trial.report(validation_accuracy=value, validation_loss=100 - value)
            trial.save({"value": value, "random": random.getstate()})
"""
METRICS = """
metrics:
  validation_accuracy: {goal: max, unit: "%"}
  validation_loss: min
metric: validation_accuracy
"""
BASE = "base: {trainer: 'climb:train', learning_rate: 0.5, epochs: 3}\n"


@dataclass
class Own:
    """A study file with its modules in a folder, and its ledger.

    Attributes:
        checkpoint_seconds: between two checkpoints.
        limit_seconds: of a trial.
    """

    folder: Path
    checkpoint_seconds: float = 3600.0
    limit_seconds: float | None = None

    def study(self, text: str, **overrides: Any) -> Study:
        (self.folder / "own.yaml").write_text(text)
        return load_study(str(self.folder / "own.yaml"), overrides)

    def module(self, **modules: str) -> None:
        write(self.folder, **modules)

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(Storage.at(str(self.folder / "results")), create=True)

    def standing(self, study: Study, seeds: int | None = None) -> Standing:
        found = data_fingerprints(study, range(seeds or study.seeds), self.folder, download=False)
        return stand(study, self.ledger, range(seeds or study.seeds), found)

    def job(self, study: Study, **changes: Any) -> Job:
        storage = self.ledger.storage.uri
        given: dict[str, Any] = {
            "gpus_per_trial": 0.0,
            "logical_gpus": False,
            "time_limit_seconds": self.limit_seconds,
            "checkpoint_seconds": self.checkpoint_seconds,
            "code": study.own.code,
            "metrics": study.metrics,
            "tensorboard": "off",
        }
        base = study.config() if study.search is None else default_config(study, study.search)
        return Job(study.name, storage, base, code_version="1.0", command="", **{**given, **changes})

    def run_one(
        self, study: Study, trial: Trial, on_epoch: Callable[[History], str | None] | None = None, **changes: Any
    ) -> Record:
        return run_trial(trial, NO_DATA, self.job(study, **changes), on_epoch=on_epoch)

    def run(self, study: Study) -> Standing:
        """Train all that is missing, stage after stage."""
        while missing := self.standing(study).missing(time_limit_seconds=self.limit_seconds):
            for trial in missing:
                self.run_one(study, trial)
        return self.standing(study)

    def search(self, study: Study) -> Standing:
        """Run a search with one worker, then all that follows it."""
        assert study.search is not None
        standing = self.standing(study)
        assert standing.search is not None
        fingerprint = standing.fingerprints[data_id(default_config(study, study.search))]
        name, storage = search_id(study, study.search, fingerprint), self.ledger.storage
        journal = Journal(storage, name, read_journal(storage, name))
        director = Director(standing.search, self.ledger.compared_by(study.metrics).lookup(), journal)
        number = 0
        while (assignment := director.next(f"slot-{number}")) is not None:
            number += 1
            one = assignment

            def reached(history: History) -> str | None:
                values = signed(history, select=one.select)  # noqa: B023 - called within this turn
                return director.reached(one.number, values) if history.epochs in one.rungs else None  # noqa: B023

            director.ended(one.number, self.run_one(study, one.trial, reached))
        return self.run(study)

    def log(self, key: str) -> str:
        """The epochs that a trial of `climb:train` has trained, in all its turns."""
        with suppress(FileNotFoundError):
            return (self.folder / "results" / "trials" / key / "log.txt").read_text().strip()
        return ""
