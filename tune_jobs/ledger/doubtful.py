"""Records whose numbers the user code of another trial may have changed.

Before each set of user code had processes of its own (`Record.process`), trials of a run shared their workers. A module
that changes torch when it is imported then also changed the networks that were trained after it, shipped or the user's.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from tune_jobs.ledger.record import IMPORTED, ISOLATED, Record
from tune_jobs.trial.key import code_name, is_code
from tune_jobs.user_code.questions import foreign

# Runs of one command are told apart by a pause in which no trial was training; a worker may be lost meanwhile.
_PAUSE = timedelta(minutes=30)
# Components that trials import.
_KINDS = ("network", "objective", "optimizer", "schedule", "trainer")


def doubtful_records(records: Iterable[Record]) -> list[Record]:
    """Return the records of sessions that also ran other user code than the record's own, in order of time.

    A session is what one command trained for one study on one host without a long pause. Records that were trained in a
    process of their own, or elsewhere, are left out.

    Args:
        records: of a ledger.
    """
    shared = [record for record in records if record.process not in (ISOLATED, IMPORTED)]
    by_command: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in shared:
        by_command[record.study, record.command, record.host, record.code_version].append(record)
    found = []
    for alike in by_command.values():
        for session in _sessions(alike):
            ran = {code for record in session for code in _user_code(record)}
            found += [record for record in session if ran - _user_code(record)]
    return sorted(found, key=lambda record: (record.started_at, record.key))


def _sessions(records: Iterable[Record]) -> list[list[Record]]:
    sessions: list[list[Record]] = []
    until = None
    for record in sorted(records, key=lambda record: record.started_at):
        if until is None or record.started_at > until + _PAUSE:
            sessions.append([])
        sessions[-1].append(record)
        ended = record.started_at + timedelta(seconds=record.wall_seconds)
        until = ended if until is None else max(until, ended)
    return sessions


def _user_code(record: Record) -> set[tuple[str, str]]:
    """What a trial ran that is neither this project's code nor PyTorch's: fingerprints, or modules of libraries."""
    # A dataset of the user's is made in the driver; its trials do not name its code.
    fields = json.loads(record.fields)
    found = {(name, str(value)) for name, value in fields.items() if is_code(name)}
    for kind in _KINDS:
        if code_name(kind) not in fields:  # what is installed has no fingerprint
            found |= {(kind, reference.partition(":")[0]) for reference in foreign([str(fields.get(kind, ""))])}
    return found
