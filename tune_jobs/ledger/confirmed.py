"""The best rows of a study's tables that were picked to be trained again with fresh seeds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tune_jobs.ledger.runs import variant_file
from tune_jobs.storage.storage import Storage

FOLDER = "confirmed"


@dataclass(frozen=True)
class Pick:
    """The best row of a table.

    Attributes:
        labels: of the row.
        seeds: how many it was picked with, and gets fresh ones.
    """

    labels: tuple[str, ...]
    seeds: int


def write_picks(storage: Storage, study: str, variant: str, picks: Mapping[str, Pick]) -> None:
    """Record the picks of a study; they are durable on return.

    Args:
        storage: of the ledger.
        study: its name.
        variant: of `tune_jobs.ledger.runs.variant_id`.
        picks: by the name of the table.
    """
    content = {"study": study, "variant": variant, "picks": {table: asdict(pick) for table, pick in picks.items()}}
    storage.write(json.dumps(content, indent=1).encode(), FOLDER, variant_file(study, variant))


def read_picks(storage: Storage, study: str, variant: str) -> dict[str, Pick]:
    """Read the picks of a study, by the name of the table; none if nothing was confirmed.

    Raises:
        StorageError: the record is corrupt or incomplete.
    """
    try:
        return storage.parsed(_picks, FOLDER, variant_file(study, variant))
    except FileNotFoundError:
        return {}


def _picks(content: bytes) -> dict[str, Pick]:
    values: dict[str, Any] = json.loads(content)["picks"]
    return {table: Pick(tuple(map(str, one["labels"])), int(one["seeds"])) for table, one in values.items()}
