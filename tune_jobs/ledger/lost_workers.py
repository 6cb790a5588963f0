"""Lost workers: whether the trial or its node was to blame, and the incidents that `ablatune status` shows.

If a node fails or is taken back, losing its worker is not the trial's fault; if the worker dies (out of memory, a
crash) while its node lives, it is. Ray declares a node dead seconds to a minute after its workers are gone, so each
loss is judged again as long as the trial runs.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted

FOLDER = "incidents"
# Ray finds a dead node within this time, whatever the cluster's settings.
DOUBT_SECONDS = 90.0
_MOST_OF_A_REASON = 120


@dataclass(frozen=True)
class LostWorker:
    """A worker that a trial lost: the id of its node ("" if it died before it told), and when (monotonic)."""

    node: str
    seconds: float


def unexplained_losses(losses: Sequence[LostWorker], alive: Collection[str], home: str, now: float) -> int:
    """Count the losses that no dead node explains.

    The last loss does not count yet while Ray may still find its node dead.

    Args:
        losses: of a trial, in order of time.
        alive: ids of the nodes that are up.
        home: id of the driver's node: always alive while this runs.
        now: on the clock of the losses.
    """
    unexplained = [loss for loss in losses if not loss.node or loss.node in alive]
    last = losses[-1] if losses else None
    doubtful = last in unexplained and last is not None and last.node != home and now - last.seconds < DOUBT_SECONDS
    return len(unexplained) - doubtful


@dataclass(frozen=True)
class Incident:
    """The record of a lost worker.

    Attributes:
        key: of the trial; "" if it had none yet.
        label: the trial's name for people.
        epoch: the last that the driver heard of.
        node: the node's name for people.
        at: the time in UTC, as ISO 8601.
        again: whether the trial was restarted.
        node_lost: whether the node was found dead too.
        reason: the last line of Ray's message.
    """

    id: str
    study: str
    key: str
    label: str
    epoch: int
    node: str
    at: str
    again: bool
    node_lost: bool = False
    reason: str = ""


def write_incident(storage: Storage, incident: Incident) -> None:
    """Keep an incident; it replaces an earlier one with its id."""
    storage.write(json.dumps(asdict(incident)).encode(), FOLDER, f"{incident.id}.json")


def read_incidents(storage: Storage, study: str) -> list[Incident]:
    """Read a study's incidents, the oldest first; a file that is cut or damaged is logged and passed over."""
    incidents = storage.documents(incident_of, FOLDER)
    return sorted(
        (incident for incident in incidents if incident.study == study), key=lambda incident: (incident.at, incident.id)
    )


def incident_of(values: Any) -> Incident:
    """Make an incident from the content of its file."""
    return Incident(**values)


def incident_lines(incidents: Sequence[Incident], most: int = 20) -> list[str]:
    """Say which trials lost their workers, in at most `most` lines; the last incidents are named."""
    lines = []
    kinds = (
        (True, "lost with their worker and run again"),
        (False, "lost with their worker for good"),
    )
    alike = [(words, [incident for incident in incidents if incident.again is again]) for again, words in kinds]
    alike = [(words, of_kind) for words, of_kind in alike if of_kind]
    for words, of_kind in alike:
        trials = {incident.key or incident.id for incident in of_kind}
        lines.append(f"  {words}: {counted(len(trials), 'trial')}")
        named = of_kind[-max(1, most // len(alike) - 2) :]
        lines += [f"    {_in_words(incident)}" for incident in named]
        if len(of_kind) > len(named):
            lines.append(f"    … and {len(of_kind) - len(named)} earlier")
    return lines


def _cut(reason: str) -> str:
    return reason if len(reason) <= _MOST_OF_A_REASON else f"{reason[:_MOST_OF_A_REASON]}…"


def _in_words(incident: Incident) -> str:
    cause = ", which was lost" if incident.node_lost else f": {_cut(incident.reason)}" if incident.reason else ""
    where = f" on node {incident.node}" if incident.node else ""
    return f"{incident.at} {incident.key[:8]}  {incident.label}: at epoch {incident.epoch}{where}{cause}"
