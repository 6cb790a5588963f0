"""What was sent to a tracker, noted in the storage: a later run sends the rest, and nothing twice."""

import hashlib
import json
import uuid
from typing import Any

from tune_jobs.ledger.runs import now
from tune_jobs.storage.storage import Storage

FOLDER = "trackers"


def folder_of(tracker: str, study: str) -> tuple[str, str, str]:
    """Return the path, in the storage, of the notes of one tracker and one study."""
    return FOLDER, hashlib.sha256(tracker.encode()).hexdigest()[:12], study


class Notes:
    """The notes of one tracker and one study. Each process that sends has a file of its own.

    Args:
        storage: of the ledger.
        folder: see `folder_of`.

    Raises:
        StorageError: the storage cannot be read.
    """

    def __init__(self, storage: Storage, *folder: str) -> None:
        self._storage = storage
        self._folder = folder
        self._file = f"{uuid.uuid4().hex[:12]}.json"
        self._mine: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._changed = False
        for _, sent in sorted(storage.documents(_content, *self._folder), key=lambda content: content[0]):
            self._known.update(sent)

    def has(self, key: str, signature: str) -> bool:
        """Whether this state of a trial was sent, and no other after it."""
        return self._known.get(key) == signature

    def add(self, key: str, signature: str) -> None:
        """Note that this state of a trial was sent; `write` makes it durable."""
        self._known[key] = self._mine[key] = signature
        self._changed = True

    def write(self) -> None:
        """Make durable what was noted.

        Raises:
            StorageError: the storage cannot be written.
        """
        if self._changed:
            content = {"at": now(), "sent": self._mine}
            self._storage.write(json.dumps(content).encode(), *self._folder, self._file)
            self._changed = False


def _content(values: Any) -> tuple[str, dict[str, str]]:
    return str(values["at"]), {str(key): str(signature) for key, signature in values["sent"].items()}
