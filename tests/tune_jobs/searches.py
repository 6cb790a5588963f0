"""Studies with a search, and searches without Ray: workers in turn, and curves that are made up from a trial's key."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from models.history import COMPLETED, DIVERGED, PRUNED
from tune_jobs.ledger.combining import combine
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.standing.search.journal import Event, Journal, read_journal
from tune_jobs.standing.search.search_trial import SearchTrial, signed
from tune_jobs.standing.search.state import State, build_state
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.search_identity import search_id
from tune_jobs.training.director import Director
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import Trial

# A busy machine says nothing about an example.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

FINGERPRINTS = {"digits": "data"}
SPACE = {
    "learning_rate": {"low": 0.0001, "high": 0.1, "scale": "log"},
    "optimizer": ["adam", "nesterov"],
    "momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer": "nesterov"}},
    "hidden_units": {"low": 2, "high": 16},
    "activation": ["relu", "tanh"],
}


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Memory:
    """A storage in memory."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, ...], bytes] = {}

    def write(self, content: bytes, *parts: str) -> None:
        self.files[parts] = content

    def names(self, *folder: str) -> dict[str, bool]:
        return {parts[-1]: True for parts in self.files if parts[:-1] == folder}

    def read(self, *parts: str) -> bytes:
        return self.files[parts]

    def parsed(self, parse: Callable[[bytes], Any], *parts: str) -> Any:
        return parse(self.read(*parts))

    def each(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        return map(function, items)

    def path(self, *parts: str) -> str:
        return "/".join(parts)


@dataclass
class Fate:
    """Kills the process at the n-th thing that becomes durable; never without a number."""

    lives: int | None = None
    events: int = 0

    def tick(self) -> None:
        self.events += 1
        if self.lives is not None and self.events >= self.lives:
            raise Killed


class MortalJournal(Journal):
    """A journal whose process may die after any event, before anybody hears of it."""

    def __init__(self, storage: Any, search: str, before: Sequence[Event], fate: Fate) -> None:
        super().__init__(storage, search, before)
        self._fate = fate

    def add(self, *events: Event) -> None:
        super().add(*events)
        self._fate.tick()


def made_up_curve(trial: Trial, *, diverging: float = 0.15) -> tuple[list[float], int | None]:
    """Return an accuracy in % for each epoch, and the epoch at which the trial diverges."""
    generator = np.random.default_rng(int(trial.key[:12], 16))
    best, speed = 20 + 75 * generator.random(), 1 + 4 * generator.random()
    values = [best * (1 - math.exp(-epoch / speed)) + generator.normal() for epoch in range(1, trial.epochs + 1)]
    diverges = generator.random() < diverging
    return values, int(generator.integers(1, trial.epochs + 1)) if diverges else None


def made_up_record(trial: Trial, values: Sequence[float], outcome: str = COMPLETED, **changes: Any) -> Record:
    """Return the record of a trajectory with these accuracies; a diverged one has no loss after the last of them."""
    losses = [1 - value / 100 for value in values]
    if outcome == DIVERGED:
        losses[-1] = math.nan
    epochs = len(values)
    given: dict[str, Any] = {
        "key": trial.key,
        "fields": encode_fields(trajectory(trial.config)),
        "dataset": "digits",
        "fingerprint": "data",
        "engine_version": 1,
        "seed": trial.config.seed,
        "outcome": outcome,
        "epochs": epochs,
        "metric": "accuracy",
        "target_unit": "",
        "train_loss": tuple(losses),
        "train_metric": tuple(values),
        "validation_loss": tuple(losses),
        "validation_metric": tuple(values),
        "learning_rate": (0.1,) * epochs,
        "train_seconds": tuple(float(epoch) for epoch in range(1, epochs + 1)),
        "measured_epochs": (epochs,) if outcome == COMPLETED else (),
        "measured_train_loss": (0.5,) if outcome == COMPLETED else (),
        "measured_train_metric": (50.0,) if outcome == COMPLETED else (),
    }
    return Record(**{**given, **changes})


@dataclass
class Simulation:
    """A search that is run, killed and run again in this process; a second is an epoch of training."""

    study: Study
    curve: Callable[[Trial], tuple[list[float], int | None]] = made_up_curve
    storage: Any = field(default_factory=Memory)
    records: dict[str, Record] = field(default_factory=dict)
    evidence: list[SearchTrial] = field(default_factory=list)
    seconds: float = 0.0
    trained: list[str] = field(default_factory=list)
    fail: Callable[[Trial], bool] = lambda trial: False
    fate: Fate = field(default_factory=Fate)

    @property
    def name(self) -> str:
        assert self.study.search is not None
        return search_id(self.study, self.study.search, "data")

    @property
    def events(self) -> list[Event]:
        return read_journal(self.storage, self.name)

    @property
    def state(self) -> State:
        return build_state(self.study, self.events, FINGERPRINTS, self.evidence).with_records(self.records.get)

    def director(self, **options: Any) -> Director:
        journal = MortalJournal(self.storage, self.name, self.events, self.fate)
        return Director(self.state, self.records.get, journal, clock=lambda: self.seconds, **options)

    def run(self, *, lives: int | None = None, workers: int = 1, order: int = 0, **options: Any) -> State:
        """Run to the end, or to the end of so many lives; return the state as another process would find it."""
        self.fate = Fate(lives)
        try:
            director = self.director(**options)
            at_work = [self._work(director, f"{len(self.trained)}-{worker}") for worker in range(workers)]
            turns = Random(order)
            while at_work:
                one = turns.choice(at_work)
                if next(one, "done") == "done":
                    at_work.remove(one)
        except Killed:
            pass
        return self.state

    def _work(self, director: Director, name: str) -> Iterator[None]:
        for place in count():
            assignment = director.next(f"{name}-{place}")
            if assignment is None:
                return
            record = yield from self._train(director, assignment)
            known = self.records.get(record.key)
            self.records[record.key] = combine([known, record])[0] if known else record
            self.trained.append(record.key)
            self.fate.tick()
            director.ended(assignment.number, record)

    def _train(self, director: Director, assignment: Any) -> Iterator[None]:
        trial = assignment.trial
        if self.fail(trial):
            return made_up_record(trial, [], "failed", reason="ValueError: of the user's own")
        values, diverges = self.curve(trial)
        for epoch in range(1, trial.epochs + 1):
            self.seconds += 1
            history = made_up_record(trial, values[:epoch], DIVERGED if epoch == diverges else COMPLETED)
            reason = director.reached(assignment.number, signed(history, select="metric"))
            yield
            if epoch == diverges:
                return history
            if reason and epoch < trial.epochs:
                return made_up_record(trial, values[:epoch], PRUNED, reason=reason)
        return made_up_record(trial, values)


@pytest.fixture(scope="session")
def make_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Study]:
    """Return a function that makes a study with a search, given what the search declares beside its space."""

    def make(
        *,
        space: Any = None,
        base: Any = None,
        search_base: Any = None,
        root: Any = None,
        fraction: float = 1.0,
        **search: Any,
    ) -> Study:
        if search_base:
            search["base"] = search_base
        document = {
            "base": {"dataset": "digits", "network": "mlp", "hidden_units": 8, "epochs": 9, **(base or {})},
            "search": {"sampler": "random", "budget": {"trials": 12}, "space": space or SPACE, **search},
            **(root or {}),
        }
        path = tmp_path_factory.mktemp("study") / "study.yaml"
        path.write_text(json.dumps(document))
        return load_study(str(path), fraction=fraction)

    return make


@pytest.fixture(scope="session")
def simulation(make_study: Callable[..., Study]) -> Callable[..., Simulation]:
    """Return a function that makes a simulation of a search; see `make_study`."""

    def make(study: Study | None = None, /, **search: Any) -> Simulation:
        return Simulation(study or make_study(**search))

    return make


@pytest.fixture(scope="session")
def record_of() -> Callable[..., Record]:
    """Return `made_up_record`."""
    return made_up_record


@pytest.fixture(scope="session")
def decided() -> Callable[[State], dict[int, Any]]:
    """Return a function of a state that returns, by trial, all that must not depend on what was interrupted when."""

    def summary(state: State) -> dict[int, Any]:
        return {
            number: (
                dict(one.values),
                one.source,
                [(a.epoch, a.score, a.decision) for a in one.arrivals],
                one.standing(state.search.read),
                one.record.epochs if one.record is not None else None,
            )
            for number, one in state.trials.items()
        }

    return summary
