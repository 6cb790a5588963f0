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


# Of the file in a storage that is no folder, replaced as a whole as it grows, and by a trial that is trained again.
_UPLOADED = "events.out.tfevents.ablatune"


class TrialLog:
    """Writes one trial's event file, straight into a local storage, or beside it and then up every now and then.

    A context: on the way out, however the trial ends, the file is brought to the storage as far as it got. That it is
    not to be reached then is no reason to train again.

    Args:
        storage: of the ledger.
        run: what TensorBoard calls the trial.
        period_seconds: between two times that a file which is not in a folder is brought up.
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
        """Add the rows that are new: of the last epoch, and those that a trial that goes on has from before."""
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

        # SummaryWriter.add_hparams would open a run of its own for each trial; these three belong to this one.
        final = {
            f"final/{name}": getattr(history, name)[-1]
            for name in ("train_loss", "train_metric", "validation_loss", "validation_metric", "train_seconds")
        }
        finite = {name: value for name, value in final.items() if isfinite(value)}
        for summary in hparams(hparam_dict=dict(fields), metric_dict=finite):
            self._writer.file_writer.add_summary(summary)
        for name, value in finite.items():
            self._writer.add_scalar(name, value, history.epochs)
