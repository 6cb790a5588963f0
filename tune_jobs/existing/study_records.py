"""Results from elsewhere as records of a study's trials: which run is which trial, and which is none and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isinf, nan
from typing import Any

import numpy as np

from models.history import COMPLETED, DIVERGED, STOPPED_EARLY
from tune_jobs.existing.row_finder import NotTakenError, RowFinder
from tune_jobs.existing.runs import Run, runs_of
from tune_jobs.existing.study_columns import StudyColumns
from tune_jobs.ledger.record import FAILED, IMPORTED, MISSING, Record, encode_fields
from tune_jobs.standing.replicates import Replicate
from tune_jobs.study.rows import Row
from tune_jobs.trial.data import TRAINERS_OWN
from tune_jobs.trial.key import TRAINER_VERSION, is_code, trajectory
from tune_jobs.trial.metrics import Metrics
from tune_jobs.trial.trial import Trial

# Steps or times in a column that was taken for epochs would fill the memory.
_MOST_EPOCHS = 1_000_000


@dataclass(frozen=True, eq=False)
class StudyRecords:
    """Runs as records of a study's trials.

    Attributes:
        records: by key.
        names: the run that each is, in words, by key.
        left: runs that are none, in words, and why.
        remarks: what was assumed.
    """

    records: Mapping[str, Record]
    names: Mapping[str, str]
    left: Sequence[tuple[str, str]]
    remarks: Sequence[str]


@dataclass(frozen=True, eq=False)
class Belonging:
    """What results belong to.

    Attributes:
        study: its name.
        metrics: that it declares.
        rows: as far as they are known.
        fingerprints: of its data, by `data_id`.
        command: that imports.
    """

    study: str
    metrics: Metrics
    rows: Sequence[Row]
    fingerprints: Mapping[str, str]
    command: str


def study_records(found: StudyColumns, belonging: Belonging) -> StudyRecords:
    """Find the trial of each run.

    Args:
        found: the columns.
        belonging: to which study.
    """
    runs = runs_of(found.columns, found.metrics[belonging.metrics.compared])
    matching = _Matching(found, belonging, _first_epoch(runs, belonging.rows) if found.columns.epoch else 0)
    taken: list[tuple[Run, Record]] = []
    left: list[tuple[str, str]] = []
    for run in runs:
        try:
            taken.append((run, matching.record(run)))
        except NotTakenError as error:
            left.append((matching.words(run), str(error)))
    counts = Counter(record.key for _, record in taken)
    left += [
        (matching.words(run), f"is one of {counts[record.key]} runs of the same row and seed")
        for run, record in taken
        if counts[record.key] > 1
    ]
    single = [(run, record) for run, record in taken if counts[record.key] == 1]
    return StudyRecords(
        {record.key: record for _, record in single},
        {record.key: matching.words(run) for run, record in single},
        left,
        matching.remarks(),
    )


def _first_epoch(runs: Sequence[Run], rows: Sequence[Row]) -> int:
    """What is added to each epoch: 1 where they count from 0, unless 0 is the state before training."""
    first, last = min(run.epochs[0] for run in runs), max(run.epochs[-1] for run in runs)
    return int(first == 0 and last < max((row.epochs for row in rows), default=1))


class _Matching:
    """Makes records of runs."""

    def __init__(self, found: StudyColumns, belonging: Belonging, shift: int) -> None:
        self._found = found
        self._belonging = belonging
        self._shift = shift
        places = {name: found.columns.settings.index(column) for name, column in found.fields.items()}
        self._rows = RowFinder(places, belonging.rows, belonging.fingerprints)
        self._assumed_epochs: set[int] = set()
        self._before_training = False

    def remarks(self) -> list[str]:
        remarks = []
        if self._assumed_epochs:
            epochs = " and ".join(map(str, sorted(self._assumed_epochs)))
            remarks.append(
                f"no column counts epochs: each run is taken to be of the epoch that its row reads ({epochs}), and is "
                "read at no other"
            )
        if self._shift:
            remarks.append(f"{self._found.columns.epoch} counts from 0: epoch 0 is taken as the first")
        elif self._before_training:
            remarks.append(f"{self._found.columns.epoch} 0 is taken as the state before training, and left out")
        return remarks

    def words(self, run: Run) -> str:
        """Name a run by what it was configured with."""
        columns = self._found.columns
        shown = {column: run.settings[columns.settings.index(column)] for column in self._found.fields.values()}
        configured = ", ".join(f"{name}={'none' if value is None else value}" for name, value in shown.items())
        seed = f"{columns.seeds[0]}={run.seed[0]}"
        return ", ".join(part for part in (run.name, configured, seed) if part)

    def record(self, run: Run) -> Record:
        """Make the record of a run.

        Raises:
            NotTakenError: it is of no trial of the study, or has not what the study reads of it.
        """
        if run.outcome in (MISSING, FAILED):
            raise NotTakenError("failed elsewhere" if run.outcome == FAILED else "has not ended")
        replicates = self._rows.replicates(run)
        trial = replicates[0].trial
        epochs = self._epochs(run, replicates)
        record = self._made(run, trial, epochs)
        outcomes = {one.reading(record).outcome for one in replicates}
        if not outcomes & {COMPLETED, STOPPED_EARLY, DIVERGED}:
            raise NotTakenError(_why_not_read(record, epochs, replicates))
        self._check_numbers(record, replicates)
        if not self._found.columns.epoch:
            self._assumed_epochs.add(epochs[-1])
        return record

    def _epochs(self, run: Run, replicates: Sequence[Replicate]) -> tuple[int, ...]:
        if not self._found.columns.epoch:
            read = sorted({one.row.epochs for one in replicates})
            if len(read) > 1:
                raise NotTakenError(
                    f"its row is read at epochs {' and '.join(map(str, read))}: a column that counts epochs says which "
                    "it is of"
                )
            return (read[0],)
        epochs = tuple(epoch + self._shift for epoch in run.epochs)
        self._before_training = self._before_training or 0 in epochs
        twice = next((epoch for epoch, count in Counter(run.epochs).items() if count > 1), None)
        if twice is not None:
            raise NotTakenError(f"has epoch {twice} twice")
        if epochs[-1] < 1:
            raise NotTakenError("has no epoch")
        if epochs[-1] > _MOST_EPOCHS:
            raise NotTakenError(f"its last epoch is {epochs[-1]}, which is more than {_MOST_EPOCHS:,}")
        return epochs

    def _made(self, run: Run, trial: Trial, epochs: Sequence[int]) -> Record:
        """Make the record of a run; epochs that it does not have are NaN, and it names no code."""
        metrics, total = self._belonging.metrics, epochs[-1]
        places = np.array([epoch > 0 for epoch in epochs])  # 0 is the state before training
        at = np.array(epochs)[places] - 1

        def curve(values: Sequence[float]) -> tuple[float, ...]:
            made = np.full(total, nan)
            made[at] = np.array(values)[places]
            return tuple(made.tolist())

        reported = {name: curve(run.metrics[column]) for name, column in self._found.metrics.items()}
        outcome, seconds = _outcome(run, reported[metrics.compared]), curve(run.seconds)
        curves: dict[str, Any] = metrics.curves(reported, total)
        fields = {name: value for name, value in trajectory(trial.config).items() if not is_code(name)}
        return Record(
            key=trial.key,
            fields=encode_fields(fields),
            dataset=TRAINERS_OWN,
            fingerprint=TRAINERS_OWN,
            engine_version=TRAINER_VERSION,
            seed=trial.config.seed,
            outcome=outcome,
            reason=run.reason if outcome == DIVERGED else "",
            epochs=total,
            metric=metrics.by.compared_name,
            target_unit="",
            train_seconds=seconds,
            study=self._belonging.study,
            process=IMPORTED,
            wall_seconds=seconds[-1] if isfinite(seconds[-1]) else 0.0,
            command=self._belonging.command,
            metrics=tuple(map(str, metrics)),
            metric_values=tuple(value for name in metrics.names for value in reported[name]),
            **curves,
        )

    def _check_numbers(self, record: Record, replicates: Sequence[Replicate]) -> None:
        """Raise for a metric that lacks a number at an epoch that is read."""
        for one in replicates:
            epoch = one.reading(record).epoch
            if epoch is None:
                continue
            for name, values in record.reported.items():
                if not isfinite(values[epoch - 1]):
                    raise NotTakenError(f"has no number of {name} at epoch {epoch}")


def _outcome(run: Run, compared: Sequence[float]) -> str:
    """How a run ended. That it diverged is believed where it is said or seen; an empty cell says nothing."""
    if run.outcome != DIVERGED:
        return run.outcome
    seen = isinf(compared[-1]) or not run.reason.endswith("is not finite")
    return DIVERGED if seen else COMPLETED


def _why_not_read(record: Record, epochs: Sequence[int], replicates: Sequence[Replicate]) -> str:
    if not isfinite(record.validation_metric[-1]):
        return (
            f"has no number of the metric that is compared at its last epoch, {record.epochs}; if it diverged, write "
            "inf there, or diverged in a column `status`"
        )
    read = sorted({one.row.epochs for one in replicates})
    if record.epochs < read[0]:
        return f"ends at epoch {record.epochs}, and its row is read at epoch {' or '.join(map(str, read))}"
    if any(one.row.read == "best" or one.config.early_stopping_patience for one in replicates):
        there = sum(epoch > 0 for epoch in epochs)
        return (
            f"has {there} of {record.epochs} epochs, and its row reads the best epoch or is stopped early: that takes "
            "a line for each epoch"
        )
    return f"has no number at epoch {' or '.join(map(str, read))}, where its row is read"
