"""The journal of a search: what was drawn, what was decided at each rung and when, in the order in which it happened.

Each run of a search writes its own parts. A part is a file that is replaced as a whole, so whatever is killed when, a
decision stays. What a trial reached is in the ledger; the journal has what the ledger cannot tell.
"""

import json
import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tune_jobs.errors import StorageError, first_line
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted

FOLDER = "search"
DRAWN, RUNG, ENDED, USED_UP, OUT_OF_TIME = "drawn", "rung", "ended", "used up", "out of time"
# A part is rewritten with every event, which would take long with more events in it.
_PART_EVENTS = 100
_PART = re.compile(r"part-\d+-[0-9a-f]+\.jsonl")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """One line of the journal.

    Attributes:
        kind: `DRAWN`, `RUNG`, `ENDED`, `USED_UP` where the space (`source` is its id) has no further point, or
            `OUT_OF_TIME` where the budget's minutes are over.
        trial: its number; -1 for none.
        seconds: that the search had been running for, over all its runs.
        values: of the point that was drawn, and `source`: the sampler, or "default".
        epoch: of the rung, or how far the trial got.
        score: at the rung, the higher the better; None where the trial had diverged.
        stop, rank, of, more: what was decided; see `tune_jobs.study.schedulers.Decision`.
        seed: of the replicate that reached the rung.
    """

    kind: str
    trial: int
    seconds: float
    values: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    epoch: int = 0
    score: float | None = None
    stop: bool = False
    rank: int = 0
    of: int = 0
    seed: int = 0
    more: bool = False

    def to_line(self) -> str:
        """Write the event as a line of JSON, without empty fields."""
        given = {name: value for name, value in vars(self).items() if value != _EMPTY.get(name, _NOTHING)}
        return json.dumps(given, allow_nan=False)


_NOTHING = object()
_EMPTY: dict[str, Any] = {
    "values": {},
    "source": "",
    "epoch": 0,
    "score": None,
    "stop": False,
    "rank": 0,
    "of": 0,
    "seed": 0,
    "more": False,
}


def read_journal(storage: Storage, search: str) -> list[Event]:
    """Read the events of a search in order; none if it was never run.

    If two runs at the same time drew different points under one number, the second point gets another number. Of a part
    that is cut or damaged, the whole lines are read, and the rest is logged: the trials that they draw are drawn again,
    and answered from the ledger.
    """

    def read(name: str) -> list[Event]:
        try:
            return storage.parsed(parse_part, FOLDER, search, name)
        except StorageError:
            raise
        except (ValueError, TypeError) as error:
            events = _whole_lines(storage.read(FOLDER, search, name))
            _log.warning(
                "%s: is cut or damaged (%s): %s of this search could be read from it; no trained trial is lost",
                storage.address(FOLDER, search, name),
                first_line(error),
                counted(len(events), "event"),
            )
            return events

    parts = journal_parts(storage, search)
    numbers = _Numbers()
    return [
        numbers.settled(event, name.rpartition("-")[2])
        for name, events in zip(parts, storage.each(read, parts), strict=True)
        for event in events
    ]


def journal_parts(storage: Storage, search: str) -> list[str]:
    """Return the names of the parts of a search's journal, in order."""
    names = storage.names(FOLDER, search)
    return [name for name, is_file in sorted(names.items()) if is_file and not name.startswith(".")]


def parse_part(content: bytes) -> list[Event]:
    """Return the events of a part.

    Raises:
        ValueError, TypeError: it is cut or damaged.
    """
    return [_event(line) for line in content.decode().splitlines()]


def _whole_lines(content: bytes) -> list[Event]:
    """Return the events of a part up to where it is damaged; later ones may build on what is lost."""
    events = []
    for line in content.splitlines():
        try:
            events.append(_event(line.decode()))
        except (ValueError, TypeError):
            break
    return events


def _event(line: str) -> Event:
    return Event(**json.loads(line))


class _Numbers:
    """Renumbers trials if several runs at the same time drew different trials under the same number."""

    def __init__(self) -> None:
        self._drawn: dict[int, Mapping[str, Any]] = {}
        self._moved: dict[tuple[str, int], int] = {}

    def settled(self, event: Event, run: str) -> Event:
        """Return an event of a run with the number that its trial has among the trials of all runs."""
        if event.kind == DRAWN and self._drawn.setdefault(event.trial, event.values) != event.values:
            self._moved[run, event.trial] = max(self._drawn) + 1
            self._drawn[max(self._drawn) + 1] = event.values
        return replace(event, trial=self._moved.get((run, event.trial), event.trial))


class Journal:
    """Writes a run's parts of the journal."""

    def __init__(self, storage: Storage, search: str, before: Sequence[Event]) -> None:
        self._storage = storage
        self._search = search
        # The number of a part orders it. Of a part that was cut there are fewer events than its number says.
        parts = journal_parts(storage, search)
        last = int(parts[-1].split("-")[1]) + 1 if parts and _PART.fullmatch(parts[-1]) else 0
        self._count = max(len(before), last)
        self._lines: list[str] = []
        self._run = uuid.uuid4().hex[:8]
        self._name = ""

    def add(self, *events: Event) -> None:
        """Write events; they are durable on return.

        Raises:
            StorageError: they could not be written, and count as not added.
        """
        if not events:
            return
        lines, name = self._lines, self._name
        if not name or len(lines) >= _PART_EVENTS:
            lines, name = [], f"part-{self._count:08d}-{self._run}.jsonl"
        lines = [*lines, *(event.to_line() for event in events)]
        self._storage.write("\n".join([*lines, ""]).encode(), FOLDER, self._search, name)
        # An event that could not be written did not happen: later events must not carry it.
        self._lines, self._name, self._count = lines, name, self._count + len(events)
