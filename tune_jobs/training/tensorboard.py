"""TensorBoard logs: the curves of every trial as they grow, its hyperparameters and its final metrics."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

from models.history import History
from tune_jobs.errors import StorageError
from tune_jobs.storage.storage import Storage

FOLDER = "tensorboard"
# In a storage that is not a folder, uploads replace this file as it grows, and when the trial is trained again.
_UPLOADED = "events.out.tfevents.ablatune"


class TrialLog:
    """Writes the event file of a trial, directly into a local storage, or into a temporary folder with regular uploads.

    Use it as a context manager: however the trial ends, the file is uploaded on the way out. If the storage cannot be
    reached then, the log is lost; that is no reason to train again.

    Args:
        storage: of the ledger.
        run: the trial's name in TensorBoard.
        period_seconds: between two uploads.
    """

    def __init__(self, storage: Storage, run: str, period_seconds: float = 60.0) -> None:
        from tensorboardX import SummaryWriter

        self._storage = storage.patient(0)
        self._run = run
        self._period = period_seconds
        self._uploaded = time.monotonic()
        self._epochs = 0
        local = storage.local_root
        self._staged = local is None
        self._folder = Path(tempfile.mkdtemp()) if local is None else local / FOLDER / run
        if not self._staged:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._writer = SummaryWriter(logdir=str(self._folder), flush_secs=10, write_to_disk=True)

    def epoch(self, history: History) -> None:
        """Add the new rows: the last epoch, and after a resume all epochs before it."""
        for epoch in range(self._epochs + 1, history.epochs + 1):
            for name in ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate"):
                group, _, quantity = name.partition("_")
                tag = f"{quantity}/{group}" if group != "learning" else name
                self._writer.add_scalar(tag, getattr(history, name)[epoch - 1], epoch)
        self._epochs = history.epochs
        if self._staged and time.monotonic() - self._uploaded >= self._period:
            self._writer.flush()
            self._upload()

    def summarise(self, fields: Mapping[str, Any], history: History) -> None:
        """Add hyperparameters and final metrics."""
        if history.epochs:
            self._add_summary(fields, history)

    def __enter__(self) -> "TrialLog":
        return self

    def __exit__(self, *raised: object) -> None:
        self._writer.close()
        if self._staged:
            self._upload()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _upload(self) -> None:
        self._uploaded = time.monotonic()
        for path in self._folder.iterdir():
            with suppress(StorageError):
                self._storage.write(path.read_bytes(), FOLDER, self._run, _UPLOADED)

    def _add_summary(self, fields: Mapping[str, Any], history: History) -> None:
        from tensorboardX.summary import hparams

        # SummaryWriter.add_hparams would add a second run for each trial.
        final = {
            f"final/{name}": getattr(history, name)[-1]
            for name in ("train_loss", "train_metric", "validation_loss", "validation_metric", "train_seconds")
        }
        finite = {name: value for name, value in final.items() if isfinite(value)}
        for summary in hparams(hparam_dict=dict(fields), metric_dict=finite):
            self._writer.file_writer.add_summary(summary)
        for name, value in finite.items():
            self._writer.add_scalar(name, value, history.epochs)
