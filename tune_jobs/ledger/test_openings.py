"""Openings of sealed test sets: each is written down before a test row is read, and stays for good."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage

FOLDER = "openings"


@dataclass(frozen=True)
class Reached:
    """What one configuration reached on a test set.

    Attributes:
        final: the name of the final configuration that it is, or stands against.
        roles: "declared", "chosen" or both.
        label: where in the study it stands.
        fields: its configuration.
        data: names of the test sets, one for each seed; see `tune_jobs.trial.data.data_id`.
        seeds, keys, epochs: of its replicates, in order.
        metrics, losses: on the test set, in order; empty until they are known.
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
    """One opening: by which study, when, of which test sets, for which configurations.

    Attributes:
        test_sets: the fingerprint of each test set, by `tune_jobs.trial.data.data_id`; empty until they are read.
        finished: whether the results are in.
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
        return bool(self.test_sets) and all(len(one.metrics) == len(one.seeds) for one in self.tested)

    @property
    def data(self) -> set[str]:
        """The names of the test sets."""
        return {name for one in self.tested for name in one.data}


def new_id() -> str:
    """Return an id that no other opening has."""
    return uuid.uuid4().hex[:12]


def write_opening(storage: Storage, opening: Opening) -> None:
    """Write an opening down; it is durable on return."""
    storage.write(json.dumps(asdict(opening), indent=1).encode(), FOLDER, f"{opening.id}.json")


def read_openings(storage: Storage) -> list[Opening]:
    """Return all openings in the order of time.

    Raises:
        UserError: one of them is torn.
    """

    def torn(address: str, error: Exception) -> None:
        raise UserError(
            f"{address}: is torn and no record of an opening of a test set; restore it from a copy, or move it away, "
            "and reports no longer count that opening"
        ) from error

    return sorted(storage.documents(_opening, FOLDER, torn=torn), key=lambda opening: (opening.opened_at, opening.id))


def _opening(values: dict[str, Any]) -> Opening:
    tested = [Reached(**{k: _tuple(v) for k, v in one.items()}) for one in values.pop("tested")]
    return Opening(**values, tested=tested)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
