"""All that a report is made from: a study's rows, what its stages chose, and the frames of its replicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frames.collapse import suspects, with_one_class
from analysis.frames.frames import curves_frame, trials_frame
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import variant_words
from tune_jobs.ledger.targets import targets_name
from tune_jobs.ledger.test_openings import Opening, read_openings
from tune_jobs.standing.known import what_is_known
from tune_jobs.standing.search.follow_up import FollowUp
from tune_jobs.standing.search.state import State
from tune_jobs.standing.stages import Choice
from tune_jobs.study.model import Study, Table
from tune_jobs.study.rows import Row, replicate, row_seeds, row_trial
from tune_jobs.trial.data import data_id


@dataclass(frozen=True)
class Evidence:
    """What the ledger knows of a study.

    Attributes:
        seeds: the study's replicates.
        fingerprints: of the data, by `tune_jobs.trial.data.data_id`.
        rows: those that are known, of all tables, stages and final configurations, and of what follows a search.
        choices: what the stages settled on so far.
        contents: the rows' records, without predictions.
        trials: of `analysis.frames.frames.trials_frame`.
        curves: of `analysis.frames.frames.curves_frame`.
        openings: of test sets, by all studies in the ledger.
        search: how the study's search stands; None without one.
        follow_up: what is known of what follows it.
    """

    study: Study
    ledger: Ledger
    seeds: Sequence[int]
    fingerprints: Mapping[str, str]
    rows: Sequence[Row]
    choices: Sequence[Choice]
    contents: Contents
    trials: pd.DataFrame
    curves: pd.DataFrame
    openings: Sequence[Opening]
    search: State | None = None
    follow_up: FollowUp | None = None

    @property
    def records(self) -> dict[str, Record]:
        """All records of the study, by key: of its rows, and of the trials of its search."""
        trials = self.search.trials.values() if self.search is not None else ()
        own = {one.record.key: one.record for one in trials if one.record is not None}
        return {**own, **self.contents.records}

    @property
    def keys(self) -> set[str]:
        """The keys of all trials that are known to be needed: of the rows, and those that the search has drawn."""
        trials = self.search.trials.values() if self.search is not None else ()
        return {*self.trials["key"], *(one.trial.key for one in trials if one.trial is not None)}

    def rows_of(self, table: str) -> list[tuple[int, Row]]:
        """Return the rows of a table, each with its position among all rows."""
        return [(position, row) for position, row in enumerate(self.rows) if row.table == table]

    def key(self, row: Row, seed: int) -> str:
        """Return the key of a replicate's trial."""
        return row_trial(row, seed, self.fingerprints).key

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
        """Return the records of rows with their predictions, by key."""
        keys = {self.key(row, seed) for row in rows if row.config is not None for seed in row_seeds(row, self.seeds)}
        return self.ledger.read(predictions=True, keys=keys).records if keys else {}

    def targets(self, row: Row, seed: int) -> dict[str, NDArray[Any]]:
        """Return what a replicate's predictions are compared with; empty where it was not kept."""
        config = replicate(row, seed)
        try:
            return self.ledger.read_targets(targets_name(self.fingerprints[data_id(config)], config))
        except FileNotFoundError:
            return {}


def all_tables(study: Study) -> list[Table]:
    """Return the tables, stages and final configurations in the order of the report."""
    return [*study.tables, *study.stages, *study.finals]


def gather(study: Study, ledger: Ledger, *, seeds: Sequence[int], fingerprints: Mapping[str, str]) -> Evidence:
    """Return what the ledger knows of a study.

    Raises:
        UserError: it has none of the study's trials.
    """
    known = what_is_known(study, ledger, seeds, fingerprints)
    searched = known.search is not None and any(one.record for one in known.search.trials.values())
    if not known.contents.records and not searched:
        count = len({row_trial(r, s, fingerprints).key for r in known.rows if r.config for s in row_seeds(r, seeds)})
        whose = f"the {count} trials" if count else "the trials"
        raise UserError(f"{ledger.storage.uri}: has none of {whose} of {study.name}; run it first")
    trials = trials_frame(
        known.rows,
        seeds=seeds,
        fingerprints=fingerprints,
        contents=known.contents,
        showings={table.name: table.showing for table in all_tables(study)},
    )
    curves = curves_frame(known.rows, seeds=seeds, fingerprints=fingerprints, contents=known.contents)
    evidence = Evidence(
        study,
        ledger,
        seeds,
        fingerprints,
        known.rows,
        known.choices,
        known.contents,
        trials,
        curves,
        read_openings(ledger.storage),
        known.search,
        known.follow_up,
    )
    return _with_one_class(evidence)


def _with_one_class(evidence: Evidence) -> Evidence:
    cache: dict[str, NDArray[Any]] = {}
    targets: dict[tuple[int, int], NDArray[Any]] = {}
    for position, row in enumerate(evidence.rows):
        if row.config is None or row.config.dataset_info.task != "classification":
            continue
        for seed in row_seeds(row, evidence.seeds):
            config = replicate(row, seed)
            name = targets_name(evidence.fingerprints[data_id(config)], config)
            if name not in cache:
                cache[name] = np.asarray(evidence.targets(row, seed).get("targets", ()))
            if len(cache[name]):
                targets[position, seed] = cache[name]
    lines = suspects(evidence.trials, targets)
    contents = evidence.ledger.read(predictions=True, keys=set(lines["key"])) if len(lines) else Contents({})
    trials = with_one_class(evidence.trials, lines, evidence.rows, contents)
    return replace(evidence, trials=trials)
