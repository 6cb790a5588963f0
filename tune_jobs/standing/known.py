"""A study as far as the ledger lets it be known: its tables and stages, its search, and what follows the search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import is_finished
from tune_jobs.standing.search.evidence import table_evidence
from tune_jobs.standing.search.follow_up import FollowUp, follow_up
from tune_jobs.standing.search.journal import read_journal
from tune_jobs.standing.search.state import State, build_state
from tune_jobs.standing.stages import Choice, read_rows, resolve
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row, required_trials
from tune_jobs.study.search_identity import default_config, search_id
from tune_jobs.trial.data import data_id


@dataclass(frozen=True)
class Known:
    """What is known of a study.

    Attributes:
        rows: of tables, stages and final configurations, then those that follow the search.
        choices: what the stages settled on.
        contents: the records of the rows.
        search: None without a search.
        follow_up: of the search.
    """

    rows: Sequence[Row]
    choices: Sequence[Choice]
    contents: Contents
    search: State | None = None
    follow_up: FollowUp | None = None


def what_is_known(study: Study, ledger: Ledger | None, seeds: Sequence[int], fingerprints: Mapping[str, str]) -> Known:
    """Return what the ledger lets be known of a study; None is an empty ledger.

    What follows a search is known once the tables are done and its budget is used up.
    """
    tables = resolve(study, ledger, seeds, fingerprints)
    if study.search is None:
        return Known(tables.rows, tables.choices, tables.contents)
    state = search_state(study, ledger, tables.rows, seeds, fingerprints, tables.contents)

    def read(rows: Sequence[Row]) -> Contents:
        return read_rows(rows, ledger, (), fingerprints)

    after = follow_up(state, read, fingerprints)
    more = read(after.rows) if after.rows else Contents({})
    records = {**tables.contents.records, **more.records}
    contents = Contents(records, [*tables.contents.disagreements, *more.disagreements])
    return Known([*tables.rows, *after.rows], tables.choices, contents, state, after)


def search_state(
    study: Study,
    ledger: Ledger | None,
    rows: Sequence[Row],
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    contents: Contents,
) -> State:
    """Return the state of a study's search.

    Args:
        study: with a search.
        ledger: None is an empty one.
        rows: of its tables, whose trials are evidence once they have ended.
        seeds: the study's replicates.
        fingerprints: of the data, by `data_id`.
        contents: the records of the rows.

    Raises:
        ValueError: the study has no search.
    """
    search = study.search
    if search is None:
        raise ValueError(f"{study.name} has no search")
    trials = {trial.key: trial for trial in required_trials(rows, seeds, fingerprints)}
    ended = {
        key: record
        for key, record in contents.records.items()
        if key in trials and is_finished(record, trials[key], time_limit_seconds=None, retry_failed=False)
    }
    evidence = table_evidence(study, search, rows, seeds, fingerprints, ended)
    if ledger is None:
        return build_state(study, [], {}, fingerprints, evidence)
    fingerprint = fingerprints[data_id(default_config(study, search))]
    events = read_journal(ledger.storage, search_id(study, search, fingerprint))
    state = build_state(study, events, {}, fingerprints, evidence)
    drawn = [(one, one.trial.key) for one in state.trials.values() if one.trial is not None]
    records = ledger.read(keys={key for _, key in drawn}).records if drawn else {}
    for one, key in drawn:
        one.record = records.get(key)
    return state
