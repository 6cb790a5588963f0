"""The last state of a trial that is being trained, from which another worker goes on should its own be lost."""

import hashlib
import json
import time

from models.version import ENGINE_VERSION, EXECUTION_MODE
from tune_jobs import provenance
from tune_jobs.expansion import Trial
from tune_jobs.storage import Storage

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

    def load(self) -> bytes | None:
        """Return the last snapshot; None where there is none."""
        return self._storage.read(FOLDER, self._name) if self._storage.exists(FOLDER, self._name) else None

    def due(self) -> bool:
        """Return whether the last snapshot is older than a period."""
        return time.monotonic() - self._saved >= self._period

    def save(self, content: bytes) -> None:
        """Keep a snapshot; it is durable on return."""
        self._storage.write(content, FOLDER, self._name)
        self._saved = time.monotonic()

    def forget(self) -> None:
        """Delete the snapshot: the trial has ended."""
        self._storage.delete(FOLDER, self._name)
