"""Which of several processes sends a study's runs to a tracker: one at a time, so that none becomes two."""

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tune_jobs.ledger.provenance import host
from tune_jobs.ledger.runs import now
from tune_jobs.storage.storage import Storage

PERIOD_SECONDS = 10.0
_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True)
class _Claimant:
    id: str
    since: str
    seen_at: str
    host: str
    process: int

    @property
    def lives(self) -> bool:
        """Whether it was seen a moment ago, and is not a process of this machine that has ended."""
        if datetime.now(UTC) - datetime.fromisoformat(self.seen_at) > _LIFETIME:
            return False
        return self.host != host() or _runs(self.process)


class Claim:
    """This process's claim. The first that claims has it until it releases it or is not seen for a minute.

    Args:
        storage: of the ledger.
        folder: in it.
    """

    def __init__(self, storage: Storage, *folder: str) -> None:
        self._storage, self._folder = storage, folder
        self._id, self._since = uuid.uuid4().hex[:12], datetime.now(UTC).isoformat()
        self._seen = 0.0
        self.held = False

    def renew(self) -> bool:
        """Claim, or say that this process still lives; return whether it has the claim.

        Raises:
            StorageError: the storage cannot be used.
        """
        if not self._seen or time.monotonic() - self._seen >= PERIOD_SECONDS:
            mine = _Claimant(self._id, self._since, now(), host(), os.getpid())
            self._storage.write(json.dumps(asdict(mine)).encode(), *self._folder, f"{self._id}.json")
            others = [one for one in self._storage.documents(_claimant, *self._folder) if one.lives]
            self.held = min((one.since, one.id) for one in (mine, *others)) == (self._since, self._id)
            self._seen = time.monotonic()
        return self.held

    def release(self) -> None:
        """Let another process have the claim."""
        if self._seen:
            self._storage.delete(*self._folder, f"{self._id}.json")
            self.held, self._seen = False, 0.0


def _claimant(values: Any) -> _Claimant:
    made = _Claimant(**values)
    datetime.fromisoformat(made.seen_at)
    return made


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
