"""TensorBoard logs: the curves of every trial as they grow, its hyperparameters and its final metrics."""

import shutil
import tempfile
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from models.history import History
from tune_jobs.storage import Storage

FOLDER = "tensorboard"


class TrialLog:
    """Writes one trial's event file, straight into a local storage, or beside it and then up."""

    def __init__(self, storage: Storage, run: str) -> None:
        from tensorboardX import SummaryWriter

        self._storage = storage
        self._run = run
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

    def close(self, fields: Mapping[str, Any], history: History | None) -> None:
        """Add hyperparameters and final metrics, and bring the file to the storage."""
        if history is not None and history.epochs:
            self._add_summary(fields, history)
        self._writer.close()
        if self._staged:
            for path in sorted(self._folder.iterdir()):
                self._storage.write(path.read_bytes(), FOLDER, self._run, path.name)
            shutil.rmtree(self._folder)

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
