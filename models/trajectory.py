"""One trajectory: its history, when it is measured and how it ends (no torch)."""

from math import isfinite

from models.history import DIVERGED, PRUNED, STOPPED_EARLY, TIMED_OUT, Best, EpochRow, History
from models.plan import TrainingPlan
from models.protocols import TrainingConfig
from models.registry import Metric


class Trajectory:
    """The history of one seed, judged epoch by epoch; it has no network, so several may share one.

    Args:
        config: says how many epochs and how much patience there is.
        seed: of the trajectory.
        plan: how far it goes and when it is measured.
        metric: name and specification of the validation metric.

    Attributes:
        history: one row for each finished epoch.
        best_metric, best_loss: the best epoch so far by either.
    """

    def __init__(self, config: TrainingConfig, seed: int, plan: TrainingPlan, metric: tuple[str, Metric]) -> None:
        name, spec = metric
        self.history = History(seed, metric=name)
        self.best_metric = Best(higher_is_better=spec.higher_is_better)
        self.best_loss = Best(higher_is_better=False)
        self._plan = plan
        self._last_epoch = plan.last_epoch(config)
        self._patience = config.early_stopping_patience
        self._improved = False
        # Epochs since the best validation loss.
        self._waited = 0

    @property
    def epochs_left(self) -> range:
        """The epochs to train, counted from 1."""
        return range(self.history.epochs + 1, self._last_epoch + 1)

    def append(self, row: EpochRow) -> None:
        """Add a finished epoch."""
        self.history.append(row)
        epoch = self.history.epochs
        self._improved = self.best_metric.improves(epoch, row.validation_metric)
        better_loss = self.best_loss.improves(epoch, row.validation_loss)
        self._waited = 0 if better_loss else epoch - self.best_loss.epoch

    def is_measured(self) -> bool:
        """Tell whether the plan, or the end of the trajectory, wants the last epoch measured."""
        plan = self._plan
        planned = self.history.epochs in plan.measure_at or self._waited in plan.measure_stops
        return (
            planned
            or (self._improved and plan.measure_improvements)
            or self._out_of_patience
            or self._diverged_part is not None
        )

    def ends(self, pruned: str | None) -> bool:
        """Tell whether the trajectory ends before the next epoch, and note how in the history.

        Args:
            pruned: why to end it from outside, if at all.
        """
        history, epoch = self.history, self.history.epochs
        if self._diverged_part is not None:
            history.outcome = DIVERGED
            history.reason = f"the {self._diverged_part} loss was not finite in epoch {epoch}"
        elif epoch == self._last_epoch:
            return True
        elif self._out_of_patience:
            history.outcome = STOPPED_EARLY
            history.reason = f"no better validation loss for {self._patience} epochs at epoch {epoch}"
        elif pruned:
            history.outcome, history.reason = PRUNED, pruned
        else:
            return False
        return True

    def time_out(self, epoch: int) -> None:
        """End in an epoch that was not finished."""
        self.history.outcome = TIMED_OUT
        self.history.reason = out_of_time(epoch)

    @property
    def _out_of_patience(self) -> bool:
        return 0 < self._patience <= self._waited

    @property
    def _diverged_part(self) -> str | None:
        """The part whose last loss is not finite, if any."""
        if not isfinite(self.history.train_loss[-1]):
            return "training"
        return None if isfinite(self.history.validation_loss[-1]) else "validation"


def out_of_time(epoch: int) -> str:
    """Say in which epoch a trajectory ran out of time."""
    return f"ran out of its time limit in epoch {epoch}"
