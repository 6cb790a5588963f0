"""The looks of a study: those that it declared, with the rows that they settled, and those at its reports."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tune_jobs.errors import StorageRefusedError
from tune_jobs.ledger.runs import variant_file
from tune_jobs.storage.storage import Storage

FOLDER, REPORTS = "looks", "reports"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looks:
    """The looks of a study.

    Attributes:
        plan: the numbers of seeds to look at, rising.
        taken: those of the plan that were looked at.
        settled: the seeds of each row that needs no more, by the row's id.
    """

    plan: tuple[int, ...]
    taken: tuple[int, ...] = ()
    settled: Mapping[str, int] = field(default_factory=dict)

    @property
    def next(self) -> int | None:
        """The next number of seeds to look at; None after the last."""
        return next((n for n in self.plan if n not in self.taken), None)


def write_looks(storage: Storage, study: str, variant: str, looks: Looks) -> None:
    """Record the looks of a study; they are durable on return.

    Args:
        storage: of the ledger.
        study: its name.
        variant: of `tune_jobs.ledger.runs.variant_id`.
        looks: all of them.
    """
    content = {"study": study, "variant": variant, **asdict(looks)}
    storage.write(json.dumps(content, indent=1).encode(), FOLDER, variant_file(study, variant))


def read_looks(storage: Storage, study: str, variant: str) -> Looks | None:
    """Read the looks of a study; None if it has none.

    Raises:
        StorageError: the record is corrupt or incomplete.
    """
    try:
        return storage.parsed(_looks, FOLDER, variant_file(study, variant))
    except FileNotFoundError:
        return None


def _looks(content: bytes) -> Looks:
    values: dict[str, Any] = json.loads(content)
    return Looks(tuple(values["plan"]), tuple(values["taken"]), dict(values["settled"]))


def write_report_look(storage: Storage, study: str, variant: str, seeds: int) -> None:
    """Record that a report of a study was written with so many seeds; with one, there is no verdict to look at.

    If the storage refuses the file, that is logged and the report stands.
    """
    known = read_report_looks(storage, study, variant)
    if seeds < 2 or seeds in known:
        return
    content = {"study": study, "variant": variant, "seeds": sorted({*known, seeds})}
    try:
        storage.write(json.dumps(content, indent=1).encode(), REPORTS, variant_file(study, variant))
    except StorageRefusedError as error:
        _log.warning("%s", error)


def read_report_looks(storage: Storage, study: str, variant: str) -> list[int]:
    """The numbers of seeds with which reports of a study were written."""
    try:
        return storage.parsed(lambda content: list(json.loads(content)["seeds"]), REPORTS, variant_file(study, variant))
    except FileNotFoundError:
        return []
