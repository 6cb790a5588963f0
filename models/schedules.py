"""Learning-rate schedules: what happens to the learning rate after a batch and after an epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau, StepLR

from models import user_code
from models.protocols import OptimizerConfig
from models.registry import SCHEDULES, entry


def _nothing() -> None: ...


def _nothing_epoch(validation_loss: float) -> None: ...


@dataclass(frozen=True)
class Schedule:
    """What to call after every batch, and after every epoch with its validation loss; `scheduler` holds the state."""

    after_batch: Callable[[], None] = _nothing
    after_epoch: Callable[[float], None] = _nothing_epoch
    scheduler: Any = None

    @property
    def by_batch(self) -> bool:
        """Whether it changes the learning rate after a batch."""
        return self.after_batch is not _nothing

    def state(self) -> dict[str, Any]:
        """Return the scheduler's state."""
        return {} if self.scheduler is None else dict(self.scheduler.state_dict())

    def restore(self, state: dict[str, Any]) -> None:
        """Set the state of a scheduler of the same kind."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state)


def build_schedule(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Make the configured schedule of the optimizer's learning rate."""
    known = entry(SCHEDULES, config.schedule)
    if known.user_code:
        after_batch, after_epoch, scheduler = user_code.schedule(config, optimizer, batches_per_epoch)
        return Schedule(after_batch or _nothing, after_epoch or _nothing_epoch, scheduler)
    schedule: Schedule = known.load()(config, optimizer, batches_per_epoch)
    return schedule


def constant(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Leave the learning rate as it is."""
    return Schedule()


def step(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Multiply by `decay_factor` every `decay_every` epochs."""
    scheduler = StepLR(optimizer, step_size=config.decay_every, gamma=config.decay_factor)
    return Schedule(after_epoch=lambda _: scheduler.step(), scheduler=scheduler)


def plateau(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Multiply by `decay_factor` after more than `plateau_patience` epochs without a better validation loss."""
    # Any lower loss is better, as in early stopping: PyTorch's relative threshold takes a slightly worse negative
    # loss (a Gaussian NLL) for a better one.
    scheduler = ReduceLROnPlateau(
        optimizer, factor=config.decay_factor, patience=config.plateau_patience, threshold=0, eps=0
    )
    return Schedule(after_epoch=scheduler.step, scheduler=scheduler)


def cosine(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Follow half a cosine from the learning rate to zero over `epochs` (Loshchilov and Hutter, 2017)."""
    scheduler = CosineAnnealingLR(optimizer, T_max=config.epochs)
    return Schedule(after_epoch=lambda _: scheduler.step(), scheduler=scheduler)


def one_cycle(config: OptimizerConfig, optimizer: Optimizer, batches_per_epoch: int) -> Schedule:
    """Rise to the learning rate over 30% of all batches, then fall to nearly zero (Smith and Topin, 2018)."""
    total = config.epochs * batches_per_epoch
    scheduler = OneCycleLR(optimizer, config.learning_rate, total_steps=total, cycle_momentum=False)

    def after_batch() -> None:
        # The scheduler refuses a step beyond the last batch, after which no learning rate is needed.
        if scheduler.last_epoch < total - 1:
            scheduler.step()

    return Schedule(after_batch=after_batch, scheduler=scheduler)
