"""All that a report is made from: where a study stands, and the frames of its replicates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frames.collapse import suspects, with_one_class
from analysis.frames.curves_frame import curves_frame
from analysis.frames.frames import trials_frame
from analysis.frames.search_frames import goal_of, search_frame
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import variant_words
from tune_jobs.ledger.targets import own_targets_name, read_targets, targets_name
from tune_jobs.ledger.test_openings import Opening, read_openings
from tune_jobs.standing.confirmed import confirmed_table
from tune_jobs.standing.replicates import Replicate
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Study, Table
from tune_jobs.study.rows import Row
from tune_jobs.trial.data import data_id


@dataclass(frozen=True)
class Evidence:
    """All that a report is made from.

    Attributes:
        standing: the study's replicates, with their records without predictions.
        trials: of `analysis.frames.frames.trials_frame`.
        curves: of `analysis.frames.curves_frame.curves_frame`.
        openings: of test sets, by all studies in the ledger.
    """

    standing: Standing
    trials: pd.DataFrame
    curves: pd.DataFrame
    openings: Sequence[Opening]

    @property
    def study(self) -> Study:
        """The study."""
        return self.standing.study

    @property
    def ledger(self) -> Ledger:
        """The ledger that was read."""
        return self.standing.existing_ledger

    @property
    def records(self) -> dict[str, Record]:
        """All records of the study, by key: of its rows, and of the trials of its search."""
        search = self.standing.search
        trials = search.trials.values() if search is not None else ()
        searched = {record.key: record for one in trials for record in one.records if record is not None}
        return {**searched, **self.standing.contents.records}

    @property
    def keys(self) -> set[str]:
        """The keys of all trials that are known to be needed: of the rows, and those that the search has drawn."""
        search = self.standing.search
        trials = search.trials.values() if search is not None else ()
        return {*self.trials["key"], *(trial.key for one in trials for trial in one.begun)}

    @cached_property
    def searched(self) -> pd.DataFrame:
        """A line for each trial of the search, of `search_frame`; empty before there is one."""
        state = self.standing.search
        goal = goal_of(state) if state is not None else None
        return search_frame(state, goal) if state is not None and goal is not None else pd.DataFrame()

    def rows_of(self, table: str) -> list[tuple[int, Row]]:
        """Return the rows of a table, each with its position among all rows."""
        return [(position, row) for position, row in enumerate(self.standing.rows) if row.table == table]

    def own_openings(self) -> list[Opening]:
        """Return what the study's openings say of its final configurations as they are here, not of varied ones."""
        epochs = self.trials["epoch"].fillna(-1)
        variant = variant_words(self.study.overrides, self.study.fraction)
        shown = set(zip(self.trials["table"], self.trials["key"], epochs, strict=True))
        found = []
        for opening in self.openings:
            finals = {
                one.final
                for one in opening.tested
                for key, epoch in zip(one.keys, one.epochs, strict=True)
                if (one.final, key, epoch) in shown
            }
            if (opening.study, opening.variant) == (self.study.name, variant) and finals:
                found.append(replace(opening, tested=[one for one in opening.tested if one.final in finals]))
        return found

    def predictions(self, rows: Sequence[Row]) -> dict[str, Record]:
        """Read the records of rows with their predictions, by key."""
        keys = {one.key for row in rows for one in self.standing.of(row)}
        return self.ledger.read(predictions=True, keys=keys).records if keys else {}

    def readings(self, position: int) -> Iterator[tuple[Replicate, str, int]]:
        """Yield the replicates of a row that it reads an epoch of, each with its key and that epoch.

        Args:
            position: of the row among all rows.
        """
        read = self.trials[(self.trials["position"] == position) & self.trials["epoch"].notna()]
        of_seed = {one.seed: one for one in self.standing.replicates[position]}
        for seed, key, epoch in zip(read["seed"], read["key"], read["epoch"], strict=True):
            yield of_seed[int(seed)], key, int(epoch)

    def targets(self, replicate: Replicate) -> dict[str, NDArray[Any]]:
        """Read what a replicate's predictions are compared with; empty if it was not kept."""
        try:
            return read_targets(self.ledger.storage, self._targets_name(replicate))
        except FileNotFoundError:
            return {}

    def _targets_name(self, replicate: Replicate) -> str:
        if replicate.config.trainer:
            return own_targets_name(replicate.key)
        return targets_name(self.standing.fingerprints[data_id(replicate.config)], replicate.config)

    def with_one_class(self) -> "Evidence":
        """Mark the replicates whose predictions are a single class; their predictions are read for it."""
        cache: dict[str, NDArray[Any]] = {}
        targets: dict[tuple[int, int], NDArray[Any]] = {}
        for position, replicates in enumerate(self.standing.replicates):
            for one in replicates:
                if one.config.dataset_info.task != "classification":
                    continue
                name = self._targets_name(one)
                if name not in cache:
                    cache[name] = np.asarray(self.targets(one).get("targets", ()))
                if len(cache[name]):
                    targets[position, one.seed] = cache[name]
        lines = suspects(self.trials, targets)
        contents = self.ledger.read(predictions=True, keys=set(lines["key"])) if len(lines) else Contents({})
        return replace(self, trials=with_one_class(self.trials, lines, self.standing.rows, contents))


def all_tables(study: Study) -> list[Table]:
    """Return the tables, stages and final configurations in the order of the report."""
    return [*study.tables, *study.stages, *study.finals]


def gather(standing: Standing) -> Evidence:
    """Read all that a report is made from.

    Raises:
        UserError: the ledger has none of the study's trials.
    """
    records = standing.contents.records
    searched = standing.search is not None and any(one.record for one in standing.search.trials.values())
    if not records and not searched:
        count = len(standing.trials)
        whose = f"the {count} trials" if count else "the trials"
        uri = standing.existing_ledger.storage.uri
        raise UserError(f"{uri}: has none of {whose} of {standing.study.name}; run it first")
    showings = {table.name: table.showing for table in all_tables(standing.study)}
    showings |= {confirmed_table(table.name): table.showing for table in standing.study.tables}
    trials = trials_frame(standing.replicates, records, showings=showings, timed_alone=standing.timed_alone)
    curves = curves_frame(standing.replicates, records)
    openings = read_openings(standing.existing_ledger.storage, strict=False)
    return Evidence(standing, trials, curves, openings).with_one_class()
