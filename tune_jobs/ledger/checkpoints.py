"""The last state of a trial in training: if its worker is lost, another continues from it."""

import hashlib
import json
import logging
import time
from collections.abc import Iterator

from models.sealed import is_whole
from models.version import ENGINE_VERSIONS
from tune_jobs.errors import StorageError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.record import ISOLATED
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.key import TRAINER_VERSION
from tune_jobs.trial.trial import Trial

FOLDER = "checkpoints"

_log = logging.getLogger(__name__)


class Checkpoints:
    """Keeps the latest snapshot of a trial in the storage.

    A trial finds a snapshot only if it would be the same bit for bit: with the same engine, on the same kind of
    machine, with the same measurements. One of a training function also continues from it after its end.

    Args:
        storage: of the ledger.
        trial: in training.
        device: that trains it.
        period_seconds: between two snapshots.
    """

    def __init__(self, storage: Storage, trial: Trial, device: str, period_seconds: float) -> None:
        kind = provenance.machine_kind(device, trial.config.threads)
        stops = sorted({*trial.stops, trial.config.early_stopping_patience})
        measured = [sorted(trial.measure_at), trial.measure_improvements, stops]
        same = json.dumps([ENGINE_VERSIONS[trial.mode], trial.mode, ISOLATED, kind, measured])
        if trial.config.trainer:  # of which every epoch has all its numbers
            same = json.dumps(["trainer", TRAINER_VERSION, kind])
        self._storage = storage
        self._name = f"{trial.key}-{hashlib.sha256(same.encode()).hexdigest()[:12]}"
        self._period = period_seconds
        self._saved = time.monotonic()
        self._exists = False

    @property
    def kept(self) -> bool:
        """Whether the storage has a snapshot of the trial."""
        return self._exists

    def load(self) -> bytes | None:
        """Read the last snapshot; None if there is none that is whole.

        Raises:
            StorageError: the storage cannot be read, so results could not be written either.
        """
        try:
            content = self._storage.read(FOLDER, self._name)
        except FileNotFoundError:
            return None
        self._exists = True
        if is_whole(content):
            return content
        address = self._storage.address(FOLDER, self._name)
        _log.warning("%s: this checkpoint is cut or damaged; its trial starts from the first epoch", address)
        return None

    def due(self) -> bool:
        """Whether the last snapshot is older than a period."""
        return time.monotonic() - self._saved >= self._period

    def save(self, content: bytes) -> None:
        """Keep a snapshot; if the storage refuses it, training continues and the next is due after a period."""
        self._saved = time.monotonic()
        try:
            self._storage.patient(0).write(content, FOLDER, self._name)
        except StorageError as error:
            _log.warning("a checkpoint was not kept, training goes on: %s", error)
        else:
            self._exists = True

    def forget(self) -> None:
        """Delete the snapshot of a trial that has ended; if that fails, the snapshot does no harm."""
        if self._exists:
            try:
                self._storage.delete(FOLDER, self._name)
            except StorageError as error:
                _log.info("the checkpoint %s of a trial that has ended was not deleted: %s", self._name, error)


def kept_snapshots(storage: Storage, key: str) -> Iterator[bytes]:
    """Yield the whole snapshots of a trial that has ended, of every kind of machine."""
    for name in sorted(storage.names(FOLDER)):
        if name.partition("-")[0] == key:
            content = storage.read(FOLDER, name)
            if is_whole(content):
                yield content
