"""Which records of results from elsewhere a ledger lacks, and which it must not take."""

from collections.abc import Mapping

from tune_jobs.existing.study_records import StudyRecords
from tune_jobs.ledger.record import FAILED, Record


def settle(found: StudyRecords, known: Mapping[str, Record]) -> tuple[list[Record], list[tuple[str, str]]]:
    """Return the records that a ledger lacks, and the runs that it must not take, each with the reason.

    Args:
        found: in the results.
        known: the ledger's records, by key.
    """
    fresh, refused = [], []
    for key, record in found.records.items():
        old = known.get(key)
        if old is None or old.outcome == FAILED:
            fresh.append(record)
        elif not old.is_imported:
            refused.append((found.names[key], "was trained here"))
        elif not _agree(old, record):
            why = f"was imported before with other numbers; after `ablatune ledger remove {key}` these can be imported"
            refused.append((found.names[key], why))
        elif _numbers(record) - _numbers(old):
            fresh.append(record)
    return fresh, refused


def _agree(old: Record, new: Record) -> bool:
    """Whether a new record has all numbers of an old one, or the old one all of the new."""
    return _numbers(old) <= _numbers(new) or _numbers(new) <= _numbers(old)


def _numbers(record: Record) -> set[tuple[str, int, float]]:
    """Each number of a record, with its metric and its epoch."""
    return {
        (name, epoch, value)
        for name, values in record.reported.items()
        for epoch, value in enumerate(values, start=1)
        if value == value
    }
