"""What changes while a network is trained: its weights, its optimizer and schedule, and the random generators."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

from models.augmentation import augmentation_of
from models.batch_gradients import BatchGradients, Computed
from models.device_data import DeviceData, chosen_rows
from models.networks import build_network
from models.optimizer_step import OptimizerStep
from models.optimizers import build_optimizer
from models.protocols import TrainingConfig
from models.reproducible import AUGMENTATION, SHUFFLING, WEIGHTS, derived_seed, seed_global_generators
from models.schedules import build_schedule
from models.user_code import has_user_code, normalises_batches

Loss = Callable[[Tensor, Tensor], Tensor]
# Rows of more bytes would leave a core's cache before they are read.
_GATHERED_BYTES = 1 << 20


@dataclass(frozen=True)
class TrainedEpoch:
    """One pass over the training part.

    Attributes:
        losses, sizes: of each batch: its mean loss and its rows, float64 on the CPU.
        outputs, targets: [n, outputs] and [n], in training mode and in the order of training.
        learning_rate: of the last batch.
        seconds: of training alone.
    """

    losses: Tensor
    sizes: Tensor
    outputs: Tensor
    targets: Tensor
    learning_rate: float
    seconds: float


class Learner:
    """A network in training.

    Args:
        config: what to build.
        seed: weights, dropout, the order of the rows and augmentation are drawn from it.
        data: what to train on.
        static: whether every batch is computed on in the same place, so that CUDA may replay it from a graph; on CUDA,
            unless told. It changes no bit.
    """

    def __init__(self, config: TrainingConfig, seed: int, data: DeviceData, *, static: bool | None = None) -> None:
        self._data = data
        seed_global_generators(derived_seed(seed, WEIGHTS), data.device)
        self.shuffle = torch.Generator().manual_seed(derived_seed(seed, SHUFFLING))
        self.augmentation = augmentation_of(
            config, data.source.train_inputs, derived_seed(seed, AUGMENTATION), data.device
        )
        self.network = build_network(config, data.input_shape, data.objective.outputs).to(data.device)
        if not data.user_network:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(config, self.network.parameters())
        self._batches = batch_bounds(len(data.train.inputs), config.batch_size, normalises_batches(self.network))
        self._parts = self._gathered_together()
        self.schedule = build_schedule(config, self.optimizer, len(self._batches))
        self._step = OptimizerStep(self.optimizer, direct=not has_user_code(config))
        self._static = data.device.type == "cuda" if static is None else static
        # What the user's code does in a batch may differ from the one before.
        self._static = self._static and not has_user_code(config)
        # By the rows of a batch.
        self._gradients: dict[int, BatchGradients] = {}

    def _gathered_together(self) -> list[list[tuple[int, int]]]:
        """Divide the batches into those whose rows are gathered at once."""
        inputs = self._data.train.inputs
        together = len(self._batches)
        # An augmentation changes all rows of an epoch at once.
        if not inputs.is_cuda and self.augmentation is None:
            (first, last), row_bytes = self._batches[0], inputs[0].numel() * inputs.element_size()
            together = max(1, _GATHERED_BYTES // (row_bytes * (last - first)))
        return [self._batches[at : at + together] for at in range(0, len(self._batches), together)]

    def train_epoch(self, deadline: float | None) -> TrainedEpoch | None:
        """Train on every batch once; None if the deadline, in seconds of `perf_counter`, came first."""
        train, step = self._data.train, self._step
        device = self._data.device
        order = torch.randperm(len(train.inputs), generator=self.shuffle)
        self.network.train()
        all_outputs, losses = [], []
        learning_rate = float("nan")

        start = now(device)
        order = order.to(device)
        for inputs, encoded in self._in_batches(order):
            if deadline is not None and perf_counter() > deadline:
                return None
            if step.takes_closure:
                outputs, loss = update(step, self.network, self._data.objective.loss, inputs, encoded)
            else:
                outputs, loss, gradients = self._compute(inputs, encoded)
                step(gradients)
            losses.append(loss)
            all_outputs.append(outputs)
            learning_rate = step.learning_rate
            self.schedule.after_batch()
        seconds = now(device) - start

        return TrainedEpoch(
            losses=torch.stack(losses).cpu().double(),
            sizes=torch.tensor([last - first for first, last in self._batches], dtype=torch.float64),
            outputs=torch.cat(all_outputs),
            targets=train.targets[order[: self._batches[-1][1]]],
            learning_rate=learning_rate,
            seconds=seconds,
        )

    def _in_batches(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Give inputs and encoded targets of each batch of the rows in this order."""
        train = self._data.train
        for part in self._parts:
            begin, end = part[0][0], part[-1][1]
            rows = order[begin:end]
            inputs, encoded = chosen_rows(train.inputs, rows), chosen_rows(train.encoded, rows)
            if self.augmentation is not None:
                inputs = self.augmentation(inputs, rows)
            for first, last in part:
                yield inputs[first - begin : last - begin], encoded[first - begin : last - begin]

    def _compute(self, inputs: Tensor, encoded: Tensor) -> Computed:
        if not self._static:
            return self._loss_and_gradients(inputs, encoded)
        rows = len(inputs)
        if rows not in self._gradients:
            self._gradients[rows] = BatchGradients(inputs, encoded, graphs=self._static)
        return self._gradients[rows](self._loss_and_gradients, inputs, encoded)

    def _loss_and_gradients(self, inputs: Tensor, encoded: Tensor) -> Computed:
        self._step.clear()
        outputs = self.network(inputs)
        loss = self._data.objective.loss(outputs, encoded)
        loss.backward()  # type: ignore[no-untyped-call]
        return outputs.detach(), loss.detach(), self._step.gradients()

    def generators(self) -> dict[str, torch.Generator]:
        """Return the generators that random numbers are drawn from, by what they are for."""
        found = {"cpu": torch.default_generator, "shuffle": self.shuffle}
        if self.augmentation is not None:
            found["augmentation"] = self.augmentation.generator
        device = self._data.device
        if device.type == "cuda":
            index = device.index if device.index is not None else torch.cuda.current_device()
            found["cuda"] = torch.cuda.default_generators[index]
        return found


def update(
    step: OptimizerStep, network: nn.Module, compute_loss: Loss, inputs: Tensor, encoded: Tensor
) -> tuple[Tensor, Tensor]:
    """Take a step on a batch; return outputs [n, outputs] and loss before it, in training mode."""

    def gradients() -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        loss = compute_loss(outputs, encoded)
        loss.backward()  # type: ignore[no-untyped-call]
        return outputs, loss

    if step.takes_closure:
        return step.with_closure(gradients)
    step.clear()
    outputs, loss = gradients()
    step(step.gradients())
    return outputs.detach(), loss.detach()


def batch_bounds(rows: int, batch_size: int, normalises: bool) -> list[tuple[int, int]]:
    """Return where each batch begins and ends; the last may be short.

    Batch normalisation cannot train on one sample, so a last batch of one is left out then.
    """
    bounds = [(first, min(first + batch_size, rows)) for first in range(0, rows, batch_size)]
    first, last = bounds[-1]
    if normalises and last - first == 1 and len(bounds) > 1:
        bounds.pop()
    return bounds


def now(device: torch.device) -> float:
    """Return the time in seconds, once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()
