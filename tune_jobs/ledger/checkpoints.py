"""The last state of a trial that is being trained, from which another worker goes on should its own be lost."""

import hashlib
import json
import time
from contextlib import suppress

from models.version import ENGINE_VERSION, EXECUTION_MODE
from tune_jobs.errors import StorageError
from tune_jobs.ledger import provenance
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.trial import Trial

FOLDER = "checkpoints"


class Checkpoints:
    """Keeps the snapshots of one trial in the storage, each in the place of the one before.

    They are found again only by a trial that would be the same bit for bit: of the same engine, on a machine of the
    same kind, with the same measurements.

    Args:
        storage: of the ledger.
        trial: that is trained.
        device: that it is trained on.
        period_seconds: between two snapshots.
    """

    def __init__(self, storage: Storage, trial: Trial, device: str, period_seconds: float) -> None:
        kind = provenance.machine_kind(device, trial.config.threads)
        stops = sorted({*trial.stops, trial.config.early_stopping_patience})
        measured = [sorted(trial.measure_at), trial.measure_improvements, stops]
        same = json.dumps([ENGINE_VERSION, EXECUTION_MODE, kind, measured])
        self._storage = storage
        self._name = f"{trial.key}-{hashlib.sha256(same.encode()).hexdigest()[:12]}"
        self._period = period_seconds
        self._saved = time.monotonic()
        self._there = False

    def load(self) -> bytes | None:
        """Return the last snapshot; None where there is none.

        Raises:
            StorageError: the storage cannot be read: what is trained now could not be written either.
        """
        try:
            content = self._storage.read(FOLDER, self._name)
        except FileNotFoundError:
            return None
        self._there = True
        return content

    def due(self) -> bool:
        """Return whether the last snapshot is older than a period."""
        return time.monotonic() - self._saved >= self._period

    def save(self, content: bytes) -> None:
        """Keep a snapshot; where that does not go now, training goes on and the next one is due after a period."""
        self._saved = time.monotonic()
        with suppress(StorageError):
            self._storage.patient(0).write(content, FOLDER, self._name)
            self._there = True

    def forget(self) -> None:
        """Delete the snapshot: the trial has ended. One that stays is of no harm."""
        if self._there:
            with suppress(StorageError):
                self._storage.delete(FOLDER, self._name)
