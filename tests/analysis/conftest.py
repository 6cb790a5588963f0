"""A synthetic ledger: records that were never trained, for the rows of small studies."""

import dataclasses
import itertools
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.frames.curves_frame import curves_frame
from analysis.frames.evidence import Evidence, all_tables, gather
from analysis.frames.frames import trials_frame
from analysis.tables.building import build_table
from analysis.tables.tables import TableView
from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.ledger.test_openings import Opening, Reached, write_opening
from tune_jobs.standing.replicates import Replicate, RowReader
from tune_jobs.standing.search.journal import Journal, read_journal
from tune_jobs.standing.search.search_trial import signed
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row, datasets_read, expand, replicate, row_seeds, row_trial
from tune_jobs.study.search_identity import default_config, search_id
from tune_jobs.training.director import Director
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import Trial

VALIDATION_ROWS = 6
# How much of a shipped study is run.
_QUICK, _FEW_TRIALS = 0.05, 40
# Given to the outcome of a trial: it has no record.
MISSING = "missing"


@dataclass(frozen=True)
class Fate:
    """How a trial ends, after how many epochs, and its last validation metric."""

    outcome: str = "completed"
    epochs: int | None = None
    reason: str = ""
    last: float | None = None
    one_class: bool = False
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def curves(config: TrialConfig, epochs: int, fate: Fate) -> dict[str, tuple[float, ...]]:
    """Return curves that climb to a level's own value, or fall in regression; alike for equal configurations."""
    words = repr({**trajectory(config), "epochs": 0})
    rng = np.random.default_rng(zlib.crc32(words.encode()))
    steps = np.arange(1, epochs + 1)
    regression = config.dataset_info.task == "regression"
    last = fate.last if fate.last is not None else 97.0 + rng.random()
    rise = 1 - 0.6 * np.exp(-steps / 3.0) + rng.normal(0, 0.002, epochs)
    rise[-1:] = 1.0
    value = last * (2 - rise) if regression else last * rise
    values = {
        "validation_metric": value,
        "train_metric": value * 0.9 if regression else value * 1.01,
        "train_loss": 1.0 / steps,
        "validation_loss": 1.5 / steps,
        "learning_rate": np.full(epochs, config.learning_rate),
        "train_seconds": steps * 0.5,
    }
    if fate.outcome == "diverged" and epochs:
        values["train_loss"] = np.append(values["train_loss"][:-1], np.nan)
    return {name: tuple(float(v) for v in array) for name, array in values.items()}


def make_record(trial: Trial, fingerprint: str, fate: Fate) -> Record:
    """Return the record of a trial that met a fate."""
    config, info = trial.config, trial.config.dataset_info
    epochs = trial.epochs if fate.epochs is None else fate.epochs
    values = curves(config, epochs, fate)
    measured = tuple(range(1, epochs + 1))
    outputs = 1 if info.task == "regression" or info.classes == 2 else info.classes
    scores = np.eye(outputs, dtype="<f4")[np.arange(VALIDATION_ROWS) % outputs]
    if outputs == 1:
        scores = np.array([[0.9], [0.1]] * (VALIDATION_ROWS // 2), dtype="<f4")
    if config.predicts_gaussian:
        # Means that rise from row to row, and so do the variances.
        outputs, steps = 2, np.linspace(-1, 1, VALIDATION_ROWS)
        scores = np.stack([steps, steps + 0.1 * config.seed], axis=1).astype("<f4")
    corners = np.array([[-1.0], [1.0], [-1.0], [1.0]], dtype="<f4")
    if fate.one_class:
        scores = np.repeat(scores[:1], VALIDATION_ROWS, axis=0)
    return dataclasses.replace(
        Record(
            key=trial.key,
            fields=encode_fields(trajectory(config)),
            dataset=config.dataset,
            fingerprint=fingerprint,
            engine_version=1,
            seed=config.seed,
            outcome=fate.outcome,
            reason=fate.reason,
            epochs=epochs,
            metric="rmse" if info.task == "regression" else "accuracy",
            target_unit=info.target_unit,
            outputs=outputs,
            **values,
            measured_epochs=measured,
            measured_train_loss=tuple(loss / 2 for loss in values["train_loss"]),
            measured_train_metric=tuple(metric + 1 for metric in values["train_metric"]),
            validation_outputs=tuple(scores.tobytes() for _ in measured),
            grid_outputs=tuple(corners.tobytes() for _ in measured) if info.input_shape == (2,) else (),
            packages='{"python": "3.11.2", "torch": "2.13.0"}',
            host="node-1",
            device="cpu",
            machine_kind="cpu/x86_64/AVX2/torch 2.13.0/1 threads",
            execution_mode="single",
            code_version="0.1.0",
            started_at=datetime(2026, 1, 23, 12, config.seed % 60, tzinfo=UTC),
            wall_seconds=10.0,
        ),
        **fate.changes,
    )


@dataclass(frozen=True)
class Ran:
    """A study, and the ledger after a run of it."""

    study: Study
    rows: Sequence[Row]
    seeds: Sequence[int]
    fingerprints: Mapping[str, str]
    ledger: Ledger

    @property
    def replicates(self) -> list[tuple[Replicate, ...]]:
        """The replicates of each row."""
        reader = RowReader(None, self.seeds, self.fingerprints)
        return [reader.replicates(row) for row in self.rows]

    @property
    def standing(self) -> Standing:
        """Where the study stands."""
        return stand(self.study, self.ledger, self.seeds, self.fingerprints)

    @property
    def contents(self) -> Contents:
        """What the ledger holds, predictions included."""
        return self.ledger.read(predictions=True)

    @property
    def trials(self) -> pd.DataFrame:
        """The trials frame."""
        showings = {table.name: table.showing for table in all_tables(self.study)}
        return trials_frame(self.replicates, self.contents.records, showings=showings)

    @property
    def curves(self) -> pd.DataFrame:
        """The curves frame."""
        return curves_frame(self.replicates, self.contents.records)

    @property
    def evidence(self) -> Evidence:
        """All that a report is made from."""
        return gather(self.standing)

    def view(self, name: str, trials: pd.DataFrame | None = None) -> TableView:
        """Return a table as it is shown."""
        own = [(position, row) for position, row in enumerate(self.rows) if row.table == name]
        table = next(table for table in all_tables(self.study) if table.name == name)
        return build_table(table, own, self.trials if trials is None else trials, seeds=self.seeds)


Decide = Callable[[TrialConfig], Fate]
Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def fate() -> type[Fate]:
    """Return `Fate`, to say how a trial ends."""
    return Fate


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that "runs" a study: YAML text, seeds, and a function from configuration to fate."""

    def run_study(text: str, *, seeds: int = 3, fates: Decide = lambda config: Fate()) -> Ran:
        path = tmp_path_factory.mktemp("run") / "small.yaml"
        path.write_text(text)
        return _settle(load_study(str(path)), path.parent, seeds, fates)

    return run_study


def _settle(study: Study, folder: Path, seeds: int, fates: Decide) -> Ran:
    """Run the tables of a study, stage after stage."""
    fingerprints = dict.fromkeys(datasets_read(expand(study), range(seeds)), "f" * 64)
    ledger = Ledger.open(Storage.at(str(folder / "results")), create=True)
    settled = -1
    while True:
        known = stand(study, ledger, range(seeds), fingerprints)
        if settled == len(known.choices):
            return Ran(study, known.rows, range(seeds), fingerprints, ledger)
        settled = len(known.choices)
        held = ledger.read().records
        for trial in known.trials:
            fate = fates(trial.config)
            if fate.outcome != MISSING and trial.key not in held:
                ledger.write(make_record(trial, "f" * 64, fate))


def truncated(record: Record, epochs: int) -> Record:
    """Return a record of the first epochs of another."""
    names = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate", "train_seconds")
    curves = {name: getattr(record, name)[:epochs] for name in names}
    measured = ("measured_epochs", "measured_train_loss", "measured_train_metric", "validation_outputs")
    curves |= {name: getattr(record, name)[:epochs] for name in measured}
    return dataclasses.replace(record, **curves, epochs=epochs, outcome="pruned")


def direct(ran: Ran, fates: Decide, trials: int) -> None:
    """Run a study's search as far as so many trials, through its director, one trial after another."""
    study, fingerprints, storage = ran.study, ran.fingerprints, ran.ledger.storage
    search = study.search
    assert search is not None
    default = default_config(study, search)
    name = search_id(study, search, fingerprints[data_id(default)])
    state = ran.standing.search
    assert state is not None
    seconds = itertools.count()
    journal = Journal(storage, name, read_journal(storage, name))
    director = Director(state, ran.ledger.lookup(), journal, clock=lambda: float(next(seconds)))
    for count in range(trials):
        given = director.next(str(count))
        if given is None:
            return
        whole = make_record(given.trial, "f" * 64, fates(given.trial.config))
        values = signed(whole, select=search.select)
        # As in a worker, one that diverges ends by itself.
        asked = [e for e in range(1, whole.epochs + 1) if e in given.rungs and not math.isnan(values[e - 1])]
        stops = (e for e in asked if director.reached(given.number, values[:e]))
        stop = next(stops, None)
        record = whole if stop is None else truncated(whole, stop)
        ran.ledger.write(record)
        director.ended(given.number, record)


@pytest.fixture(scope="session")
def run_search(run: Run) -> Callable[..., Ran]:
    """Return a function that "runs" a study with a search: YAML text, a function from configuration to fate.

    With `follow`, all that follows the search is run as well; `trials` stops the search after so many.
    """

    def run_study(text: str, *, fates: Decide, follow: bool = True, trials: int = 1_000) -> Ran:
        ran = run(text, fates=fates)
        direct(ran, fates, trials)
        if follow:
            _follow(ran, fates)
        return ran

    return run_study


def _follow(ran: Ran, fates: Decide) -> None:
    """Run all that follows a search."""
    while True:
        known = ran.standing
        held = known.contents.records
        missing = [t for t in known.trials if t.key not in held or held[t.key].outcome == "pruned"]
        if not missing:
            return
        for trial in missing:
            ran.ledger.write(make_record(trial, "f" * 64, fates(trial.config)))


@pytest.fixture(scope="session")
def run_shipped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Return a function that "runs" a quick look of a shipped study with two seeds, and its search if it has one."""
    known: dict[str, Ran] = {}

    def run_study(name: str) -> Ran:
        if name not in known:
            fates: Decide = lambda config: Fate()  # noqa: E731
            ran = _settle(load_study(name, fraction=_QUICK), tmp_path_factory.mktemp(name), 2, fates)
            if ran.study.search is not None:
                direct(ran, fates, _FEW_TRIALS)
            known[name] = ran
        return known[name]

    return run_study


@pytest.fixture(scope="session")
def publish() -> Callable[[Ran, str], Ran]:
    """Return a function that writes what a study's report printed beside it."""

    def write(ran: Ran, text: str) -> Ran:
        Path(ran.study.source).with_name("small.published.yaml").write_text(text)
        return ran

    return write


@pytest.fixture(scope="session")
def opened() -> Callable[..., Opening]:
    """Return a function that writes an opening of a final configuration's test sets into the ledger of a run."""

    def write(ran: Ran, metrics: Sequence[float], **options: Any) -> Opening:
        final = options.pop("final", "final")
        row = next(row for row in ran.rows if row.table == final)
        configs = [replicate(row, seed) for seed in row_seeds(row, ran.seeds)]
        names = tuple(data_id(config) for config in configs)
        regression = configs[0].dataset_info.task == "regression"
        values: dict[str, Any] = {
            "roles": ("declared",),
            "label": "Final configuration",
            "keys": tuple(row_trial(row, config.seed, ran.fingerprints).key for config in configs),
            "epochs": (row.epochs,) * len(configs),
            "metrics": tuple(metrics),
            "losses": tuple(0.1 + 0.01 * config.seed for config in configs)[: len(metrics)],
        }
        at = options.pop("at", "2026-02-01T10:20:30+00:00")
        study = options.pop("study", ran.study.name)
        more, variant = options.pop("tested", ()), options.pop("variant", "")
        reached = Reached(
            final=final,
            fields={**trajectory(configs[0]), "epochs": row.epochs},
            data=names,
            seeds=tuple(config.seed for config in configs),
            metric="rmse" if regression else "accuracy",
            unit=configs[0].dataset_info.target_unit if regression else "%",
            **{**values, **options},
        )
        sets = {name: f"test of {name}" for name in names} if metrics else {}
        opening = Opening(
            f"{zlib.crc32(repr((study, variant, at)).encode()):x}", study, variant, at, "", (reached, *more), sets
        )
        write_opening(ran.ledger.storage, opening)
        return opening

    return write
