"""Where a study stands: its replicates, what the ledger has of them, what its stages and its search have chosen.

Every command starts from here: `run` trains what is missing, `status` and `plan` count it, `evaluate` and `report`
read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tune_jobs.collector import collector_paused
from tune_jobs.ledger.confirmed import Pick
from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.looks import Looks
from tune_jobs.ledger.record import Record, is_finished
from tune_jobs.standing.alone import trials_alone
from tune_jobs.standing.confirmed import confirming_rows, picks_of
from tune_jobs.standing.looks import looks_of, with_looks
from tune_jobs.standing.replicates import Replicate, RowReader, merged_trials
from tune_jobs.standing.search.evidence import table_evidence
from tune_jobs.standing.search.follow_up import FollowUp, follow_up
from tune_jobs.standing.search.journal import read_journal
from tune_jobs.standing.search.state import State, build_state
from tune_jobs.standing.stages import Choice, resolve_stages
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, search_id
from tune_jobs.trial.data import data_id
from tune_jobs.trial.trial import Trial


@dataclass(frozen=True)
class Standing:
    """Where a study stands.

    Attributes:
        study: with its overrides.
        variant: what was overridden, in words; "" for the study as it is declared.
        ledger: that was read; None is an empty one.
        seeds: the study's replicates; a row may have seeds of its own.
        fingerprints: of the data, by `data_id`.
        rows: of tables, stages and final configurations, then those that follow the search.
        replicates: of each row, in the order of `rows`; none of a row that cannot be built.
        contents: the records of all replicates, without predictions.
        choices: what the stages settled on.
        search: how far the search has got; None without one.
        follow_up: what follows the search.
        looks: at which the study decides about further seeds; None if it has a fixed number of seeds.
        picks: the best row of each table that was confirmed with fresh seeds.
    """

    study: Study
    variant: str
    ledger: Ledger | None
    seeds: Sequence[int]
    fingerprints: Mapping[str, str]
    rows: Sequence[Row]
    replicates: Sequence[Sequence[Replicate]]
    contents: Contents
    choices: Sequence[Choice] = ()
    search: State | None = None
    follow_up: FollowUp | None = None
    looks: Looks | None = None
    picks: Mapping[str, Pick] = field(default_factory=dict)

    @cached_property
    def trials(self) -> list[Trial]:
        """The distinct trials that the rows read."""
        return merged_trials(one for replicates in self.replicates for one in replicates)

    @property
    def all_trials(self) -> dict[str, Trial]:
        """The trials of the rows and those that the search has drawn, by key."""
        searched = () if self.search is None else self.search.trials.values()
        return {trial.key: trial for one in searched for trial in one.trials} | {one.key: one for one in self.trials}

    @property
    def ended(self) -> list[tuple[Trial, Record]]:
        """The trials of the rows that have a record, then those of the search, each once."""
        records = self.contents.records
        found = {trial.key: (trial, records[trial.key]) for trial in self.trials if trial.key in records}
        for one in () if self.search is None else self.search.trials.values():
            for trial, record in zip(one.trials, one.records, strict=False):
                if record is not None:
                    found.setdefault(trial.key, (trial, record))
        return list(found.values())

    @cached_property
    def alone(self) -> dict[str, Trial]:
        """The trials that tell the time of others, by the keys of these; see `tune_jobs.standing.alone`."""
        return trials_alone(self.replicates, self.trials, self.fingerprints)

    @cached_property
    def timed_alone(self) -> dict[str, Record]:
        """The records of `alone` that the ledger has, by the same keys."""
        if self.ledger is None or not self.alone:
            return {}
        found = self.ledger.read(keys={trial.key for trial in self.alone.values()}).records
        return {key: found[trial.key] for key, trial in self.alone.items() if trial.key in found}

    @property
    def existing_ledger(self) -> Ledger:
        """The ledger that was read.

        Raises:
            ValueError: there is none.
        """
        if self.ledger is None:
            raise ValueError(f"{self.study.name} has no ledger")
        return self.ledger

    def of(self, row: Row) -> Sequence[Replicate]:
        """Return the replicates of one of the rows."""
        return self.replicates[self._places[row]]

    @cached_property
    def _places(self) -> dict[Row, int]:
        return {row: place for place, row in enumerate(self.rows)}

    def record(self, replicate: Replicate) -> Record | None:
        """Return what the ledger has of a replicate's trial."""
        return self.contents.records.get(replicate.key)

    def missing(
        self, *, time_limit_seconds: float | None = None, retry_failed: bool = False, time_alone: bool = False
    ) -> list[Trial]:
        """Return the trials that have yet to be run, or to be run further.

        Args:
            time_limit_seconds: of a trial; a trial that timed out under a lower limit counts as missing.
            retry_failed: whether trials that failed count as missing.
            time_alone: whether those that only tell the time of others are wanted too.
        """
        records, wanted = self.contents.records, self.trials
        if time_alone:
            records = {**records, **{record.key: record for record in self.timed_alone.values()}}
            known = {trial.key for trial in wanted}
            wanted = [*wanted, *(trial for trial in self.alone.values() if trial.key not in known)]
        return [
            trial
            for trial in wanted
            if trial.key not in records
            or not is_finished(
                records[trial.key], trial, time_limit_seconds=time_limit_seconds, retry_failed=retry_failed
            )
        ]


@collector_paused()
def stand(
    study: Study, ledger: Ledger | None, seeds: Sequence[int], fingerprints: Mapping[str, str], *, variant: str = ""
) -> Standing:
    """Work out where a study stands, as far as the ledger lets it be known.

    What follows a search is known once the tables are done and the budget of the search is used up.

    Args:
        study: with its overrides.
        ledger: None is an empty one.
        seeds: the replicates of every row that has no seeds of its own.
        fingerprints: of the data, by `data_id`.
        variant: what was overridden, in words.
    """
    ledger = ledger.compared_by(study.metrics) if ledger is not None else None
    reader = RowReader(ledger, seeds, fingerprints)
    rows, choices = resolve_stages(study, reader)
    looks = looks_of(study, ledger)
    if looks is not None:
        rows = with_looks(study, rows, looks)
    after = None
    if study.search is not None:
        after = follow_up(_search_state(study, study.search, ledger, rows, reader), reader)
        rows = [*rows, *after.rows]
    picks = picks_of(study, ledger)
    rows = [*rows, *confirming_rows(study, rows, picks)]
    return Standing(
        study,
        variant,
        ledger,
        seeds,
        fingerprints,
        rows,
        [reader.replicates(row) for row in rows],
        reader.read(rows),
        choices,
        None if after is None else after.search,
        after,
        looks,
        picks,
    )


def _search_state(study: Study, search: Search, ledger: Ledger | None, rows: Sequence[Row], reader: RowReader) -> State:
    """Read how far a search has got; trials of the tables' rows that have ended are evidence."""
    replicates = [one for row in rows for one in reader.replicates(row)]
    trials, records = {trial.key: trial for trial in merged_trials(replicates)}, reader.read(rows).records
    ended = {
        key: records[key]
        for key, trial in trials.items()
        if key in records
        and not records[key].has_gaps  # rungs need every epoch
        and is_finished(records[key], trial, time_limit_seconds=None, retry_failed=False)
    }
    evidence = table_evidence(study, search, replicates, ended, reader.fingerprints)
    if ledger is None:
        return build_state(study, [], reader.fingerprints, evidence)
    fingerprint = reader.fingerprints[data_id(default_config(study, search))]
    events = read_journal(ledger.storage, search_id(study, search, fingerprint))
    state = build_state(study, events, reader.fingerprints, evidence)
    keys = {trial.key for one in state.trials.values() for trial in one.trials}
    return state.with_records(ledger.read(keys=keys).records.get) if keys else state
