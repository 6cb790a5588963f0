"""Openings of sealed test sets: each is recorded before a test row is read, and kept for good."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage

FOLDER = "openings"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reached:
    """What a configuration reached on a test set.

    Attributes:
        final: the final configuration that it is, or is compared with.
        roles: "declared", "chosen" or both.
        label: its name in the study.
        fields: its configuration.
        data: names of the test sets, one for each seed; see `tune_jobs.trial.data.data_id`.
        seeds, keys, epochs: of its replicates.
        metrics, losses: of its replicates on the test set; empty until they are known.
    """

    final: str
    roles: tuple[str, ...]
    label: str
    fields: Mapping[str, Any]
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    keys: tuple[str, ...]
    epochs: tuple[int, ...]
    metric: str
    unit: str
    metrics: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Opening:
    """An opening: the study, the time, the test sets and the configurations tested.

    Attributes:
        test_sets: the fingerprint of each test set, by `tune_jobs.trial.data.data_id`; empty until they are read.
        finished: whether the results are recorded.
    """

    id: str
    study: str
    variant: str
    opened_at: str
    command: str
    tested: Sequence[Reached]
    test_sets: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return bool(self.test_sets) and all(len(reached.metrics) == len(reached.seeds) for reached in self.tested)

    @property
    def data(self) -> set[str]:
        """The names of the test sets."""
        return {name for reached in self.tested for name in reached.data}


def new_id() -> str:
    """Make an id that no other opening has."""
    return uuid.uuid4().hex[:12]


def write_opening(storage: Storage, opening: Opening) -> None:
    """Record an opening; it is durable on return."""
    storage.write(json.dumps(asdict(opening), indent=1).encode(), FOLDER, f"{opening.id}.json")


def read_openings(storage: Storage, *, strict: bool = True) -> list[Opening]:
    """Read all openings, the oldest first.

    Args:
        storage: of the ledger.
        strict: whether one that is cut or damaged is an error; else it is logged and passed over.

    Raises:
        UserError: an opening is cut or damaged.
    """

    def refuse(address: str, error: Exception) -> None:
        why = (
            f"{address}: the record of this opening of a test set is corrupt or incomplete; restore it from a copy, or "
            "move it away if reports should no longer count the opening"
        )
        if strict:
            raise UserError(why) from error
        _log.warning("%s", why)

    found = storage.documents(opening_of, FOLDER, torn=refuse)
    return sorted(found, key=lambda opening: (opening.opened_at, opening.id))


def opening_of(values: dict[str, Any]) -> Opening:
    """Make an opening from the content of its file."""
    tested = [Reached(**{k: _tuple(v) for k, v in reached.items()}) for reached in values.pop("tested")]
    return Opening(**values, tested=tested)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
