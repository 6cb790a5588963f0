"""A replicate as a value, and the one place where rows become trials and trials are looked up in the ledger."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import Reading, Record
from tune_jobs.study.rows import Row, row_seeds, row_trial
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial


@dataclass(frozen=True, slots=True)
class Replicate:
    """One replicate of a row: its seed, and the trial that it reads."""

    row: Row
    seed: int
    trial: Trial

    @property
    def key(self) -> str:
        """The trial's key."""
        return self.trial.key

    @property
    def config(self) -> TrialConfig:
        """The trial's configuration, with its seed and the data that the row moves to with the seed."""
        return self.trial.config

    def reading(self, record: Record) -> Reading:
        """Return what the row reads of the trial's record."""
        patience = self.config.early_stopping_patience
        return record.reading(epochs=self.row.epochs, patience=patience, read=self.row.read)


class RowReader:
    """Reads rows from the ledger. Each key is computed once, each record is read once.

    Args:
        ledger: None is an empty one.
        seeds: the study's replicates; a row may have seeds of its own.
        fingerprints: of the data, by `data_id`.
    """

    def __init__(self, ledger: Ledger | None, seeds: Sequence[int], fingerprints: Mapping[str, str]) -> None:
        self.seeds = seeds
        self.fingerprints = fingerprints
        self._ledger = ledger
        self._replicates: dict[Row, tuple[Replicate, ...]] = {}
        self._asked: set[str] = set()
        self._contents = Contents({})

    def replicates(self, row: Row) -> tuple[Replicate, ...]:
        """Return the replicates of a row; none of a row that cannot be built."""
        if row not in self._replicates:
            seeds = row_seeds(row, self.seeds) if row.config is not None else ()
            made = (Replicate(row, seed, row_trial(row, seed, self.fingerprints)) for seed in seeds)
            self._replicates[row] = tuple(made)
        return self._replicates[row]

    def trials(self, rows: Iterable[Row]) -> list[Trial]:
        """Return the distinct trials that rows read; see `merged_trials`."""
        return merged_trials(one for row in rows for one in self.replicates(row))

    def read(self, rows: Iterable[Row]) -> Contents:
        """Return what the ledger has of the rows that were read so far, these included."""
        new = {one.key for row in rows for one in self.replicates(row)} - self._asked
        if new and self._ledger is not None:
            found = self._ledger.read(keys=new)
            self._contents = Contents(
                {**self._contents.records, **found.records}, [*self._contents.disagreements, *found.disagreements]
            )
        self._asked |= new
        return self._contents


def merged_trials(replicates: Iterable[Replicate]) -> list[Trial]:
    """Return the distinct trials that replicates read, seed by seed, in the order in which rows first read them.

    Rows that differ only in `epochs` or early stopping read one trajectory. It must go as far as the longest of them,
    and stops early only if all of them do.
    """
    trials: dict[str, Trial] = {}
    for one in sorted(replicates, key=lambda one: one.seed):
        trials[one.key] = _merged(trials[one.key], one.trial) if one.key in trials else one.trial
    return list(trials.values())


def _merged(first: Trial, second: Trial) -> Trial:
    longer = max(first, second, key=lambda trial: trial.epochs)
    patiences = first.config.early_stopping_patience, second.config.early_stopping_patience
    patience = max(patiences) if all(patiences) else 0
    return dataclasses.replace(
        longer,
        config=longer.config.replace(early_stopping_patience=patience),
        stops=(first.stops | second.stops | set(patiences)) - {0, patience},
        measure_at=first.measure_at | second.measure_at,
        measure_improvements=first.measure_improvements or second.measure_improvements,
    )
