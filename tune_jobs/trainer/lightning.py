"""A training function with Lightning: a callback that stands between a `lightning.Trainer` and a trial."""

from typing import Any

import torch
from lightning import Callback

from tune_jobs.trainer.trial import Trial


class TrialCallback(Callback):  # type: ignore[misc]  # typed only where Lightning is installed
    """Reports what a LightningModule logs, saves checkpoints, and ends the fit where the trial ends.

    Let the Trainer have `max_epochs=trial.total` and no checkpoints of its own, and fit with `ckpt_path=trial.load()`.

    Args:
        trial: that is trained.
        metrics: names of what to report; all that has been logged by default.
    """

    def __init__(self, trial: Trial, *metrics: str) -> None:
        self._trial, self._metrics = trial, metrics
        self._epochs = trial.epochs()

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the first epoch."""
        self._begin_epoch()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End an epoch, whose validation is over, and begin the next."""
        logged = trainer.callback_metrics
        self._trial.report(**{name: logged[name] for name in self._metrics or logged if name in logged})
        path = self._trial.folder / "lightning.ckpt"
        trainer.save_checkpoint(path, weights_only=False)
        self._trial.save(path)
        trainer.should_stop = trainer.should_stop or self._trial.ended
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        epoch = next(self._epochs, None)
        if epoch is not None:
            # An epoch is the same after a checkpoint as without one; Lightning shuffles before its hooks of an epoch.
            torch.manual_seed(1_000_003 * self._trial.seed + epoch)
