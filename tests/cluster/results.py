"""What runs have left in a storage and in reports, to be compared."""

import re
from pathlib import Path
from typing import Any

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.schema import PROVENANCE, SCHEMA
from tune_jobs.storage.storage import Storage

# What may differ between two runs of the same trial: where, when and how long it ran.
_MAY_DIFFER = {*PROVENANCE, "train_seconds"}


def numbers(storage: Storage) -> dict[str, dict[str, Any]]:
    """Return every number of a ledger except times and provenance, by trial."""
    contents = Ledger.open(storage).read(predictions=True)
    assert contents.disagreements == []
    names = [name for name in SCHEMA.names if name not in _MAY_DIFFER]
    return {key: {name: getattr(record, name) for name in names} for key, record in contents.records.items()}


def unpacked(storage: Storage) -> list[str]:
    """Return the names of the files of trials and of chunks that no compaction has packed yet."""
    return [name for name in storage.names("ledger") if re.fullmatch(r"(trial-.*|pack-.{16})\.parquet", name)]


def differing_columns(left: Path, right: Path) -> set[str]:
    """Return the columns of the tables of two reports that are not equal, bit for bit."""
    import pandas as pd

    tables = sorted(path.relative_to(left) for path in left.rglob("*.csv"))
    assert tables
    assert tables == sorted(path.relative_to(right) for path in right.rglob("*.csv"))
    differ = set()
    for table in tables:
        ours, theirs = (pd.read_csv(folder / table, dtype=str) for folder in (left, right))
        assert list(ours) == list(theirs)
        differ |= {column for column in ours if not ours[column].equals(theirs[column])}
    return differ
