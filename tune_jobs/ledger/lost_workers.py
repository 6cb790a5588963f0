"""Workers that were lost: whose fault it was, and what is kept of it for `ablatune status`.

A worker that is gone with its node (which failed, or was taken back) is no failure of its trial; one that died while
its node lives (out of memory, a crash) is. Ray finds a node dead only seconds to a minute after its workers are gone,
so that a loss is judged anew as long as its trial runs.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from tune_jobs.storage.storage import Storage

FOLDER = "incidents"
# A node that is gone is found dead within this time, whatever the settings of the cluster.
DOUBT_SECONDS = 90.0
_MOST_OF_A_REASON = 120


@dataclass(frozen=True)
class Loss:
    """A worker of a trial that was lost: the id of its node ("" where it never came to say), and when (monotonic)."""

    node: str
    seconds: float


def own_losses(losses: Sequence[Loss], alive: Collection[str], home: str, now: float) -> int:
    """Return how many losses of a trial, the last one last, count as its own: their nodes live.

    The last has the benefit of the doubt while its node may still be found dead.

    Args:
        losses: of one trial.
        alive: ids of the nodes that are up.
        home: id of the driver's node: it lives as long as anybody asks.
        now: on the clock of the losses.
    """
    own = [loss for loss in losses if not loss.node or loss.node in alive]
    last = losses[-1] if losses else None
    doubtful = last in own and last is not None and last.node != home and now - last.seconds < DOUBT_SECONDS
    return len(own) - doubtful


@dataclass(frozen=True)
class Incident:
    """What is kept of a worker that was lost.

    Attributes:
        key: of the trial; "" where it had none yet.
        label: what a person knows the trial by.
        epoch: the last that the driver had heard of.
        node: what a person knows the node by.
        at: the time in UTC, as ISO 8601.
        again: whether the trial was started again.
        node_lost: whether the node was found dead as well.
        reason: the last line of what Ray says.
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
    """Keep an incident, in the place of an earlier one with its id."""
    storage.write(json.dumps(asdict(incident)).encode(), FOLDER, f"{incident.id}.json")


def read_incidents(storage: Storage, study: str) -> list[Incident]:
    """Return what was kept of a study's lost workers, the oldest first; a torn file is passed over."""
    found = storage.documents(lambda values: Incident(**values), FOLDER)
    return sorted((one for one in found if one.study == study), key=lambda one: (one.at, one.id))


def incident_lines(incidents: Sequence[Incident], most: int = 20) -> list[str]:
    """Return lost workers in lines, at most so many in all; the last are named."""
    lines = []
    kinds = (
        (True, "lost with their worker and run again"),
        (False, "lost with their worker for good"),
    )
    kinds_there = [(again, words) for again, words in kinds if any(one.again is again for one in incidents)]
    for again, words in kinds_there:
        own = [one for one in incidents if one.again is again]
        trials = len({one.key or one.id for one in own})
        lines.append(f"  {words}: {trials} trial{'s' * (trials != 1)}")
        named = own[-max(1, most // len(kinds_there) - 2) :]
        lines += [f"    {_in_words(one)}" for one in named]
        if len(own) > len(named):
            lines.append(f"    … and {len(own) - len(named)} before those")
    return lines


def _cut(reason: str) -> str:
    return reason if len(reason) <= _MOST_OF_A_REASON else f"{reason[:_MOST_OF_A_REASON]}…"


def _in_words(one: Incident) -> str:
    fate = ", which was lost" if one.node_lost else f": {_cut(one.reason)}" if one.reason else ""
    where = f" on node {one.node}" if one.node else ""
    return f"{one.at} {one.key[:8]}  {one.label}: at epoch {one.epoch}{where}{fate}"
