"""The training engine: a plain loop over tensors on the device.

`train` takes a configuration and a list of seeds and gives a history for each. The same configuration,
seed, device, instruction set, torch version and number of threads give the same numbers, bit for bit.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isfinite
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from models import own
from models.augmentation import Augmentation, augmentation_of
from models.errors import ModelError
from models.fit import check_fit
from models.history import (
    DIVERGED,
    PRUNED,
    STOPPED_EARLY,
    TIMED_OUT,
    Best,
    History,
    Measurement,
)
from models.networks import build_network
from models.objectives import Objective, metric_of, score
from models.optimizers import build_optimizer
from models.protocols import TrainingConfig, TrainingData
from models.registry import NETWORKS, OBJECTIVES, OPTIMIZERS, SCHEDULES, entry
from models.schedules import Schedule, build_schedule
from models.shapes import check_network
from models.snapshot import InProgress, SnapshotError, Snapshots

GRID_SIDE = 64
GRID_REACH = 2.5
_EVALUATION_BATCH = 1024


@dataclass(frozen=True)
class Training:
    """A trained network with its history."""

    network: nn.Module
    history: History


def train(
    config: TrainingConfig,
    seeds: Sequence[int],
    data: TrainingData,
    *,
    epochs: int | None = None,
    measure_at: Collection[int] = (),
    measure_improvements: bool = False,
    measure_stops: Collection[int] = (),
    device: str = "cpu",
    time_limit_seconds: float | None = None,
    on_epoch: Callable[[History], str | None] | None = None,
    snapshots: Snapshots | None = None,
) -> list[Training]:
    """Train the configured model once per seed.

    Args:
        config: what to train; its seed, if it has one, is not read.
        seeds: one for each trajectory.
        data: the training and the validation part.
        epochs: how far to train, `config.epochs` unless told; fewer give the beginning of the full run.
        measure_at: the epochs after which to measure in evaluation mode and keep predictions.
        measure_stops: also measure where early stopping with these patiences would end the trajectory.
        measure_improvements: also measure after each epoch whose validation metric beats all before it.
        device: "cpu", "cuda" or "cuda:1".
        time_limit_seconds: wall-clock limit for each trajectory; past it the running epoch is given up.
        on_epoch: called with the history so far after every epoch; a reason that it returns ends the trajectory
            there, as pruned.
        snapshots: of the one trajectory, to go on from after an interruption; `on_epoch` is not called for the epochs
            that a snapshot has. The time limit counts from here. One that cannot be used is passed over.

    Returns:
        A trained network and a history for each seed. Divergence (a loss that is not finite) is an outcome.

    Raises:
        ModelError: the configuration does not fit the data, `epochs` goes beyond what the schedule was told of, or
            there are snapshots for more than one seed.
    """
    if snapshots is not None and len(seeds) != 1:
        raise ModelError(f"seeds: {len(seeds)} trajectories have no snapshot together; give one seed")
    epochs = config.epochs if epochs is None else epochs
    if "epochs" in entry(SCHEDULES, config.schedule).reads and epochs > config.epochs:
        raise ModelError(
            f"epochs: {epochs} is more than the {config.epochs} that schedule {config.schedule} is made for; give at "
            "most that, or configure more"
        )
    if config.batch_size > len(data.train_inputs):
        raise ModelError(
            f"batch_size: {config.batch_size} is more than the {len(data.train_inputs)} rows of the training "
            "part; give at most that"
        )
    check_network(config, tuple(data.train_inputs.shape[1:]))
    results = []
    with _reproducible(config.threads, torch.device(device)):
        tensors = _Tensors.on_device(config, data, check_fit(config, data), torch.device(device))
        train_one = partial(
            _train_one,
            config,
            data=data,
            tensors=tensors,
            epochs=epochs,
            measure_at=frozenset(measure_at),
            measure_improvements=measure_improvements,
            measure_stops=frozenset(measure_stops),
            time_limit_seconds=time_limit_seconds,
            on_epoch=on_epoch,
            snapshots=snapshots if _all_state_is_known(config) else None,
        )
        for seed in seeds:
            try:
                results.append(train_one(seed))
            except SnapshotError:
                results.append(train_one(seed, from_the_start=True))
    return results


def _all_state_is_known(config: TrainingConfig) -> bool:
    """Return whether a snapshot holds all that changes in a training, as far as the user's own code says so."""
    made = [(NETWORKS, config.network), (OPTIMIZERS, config.optimizer), (SCHEDULES, config.schedule)]
    objective = entry(OBJECTIVES, config.objective)
    return all(own.is_resumable(known) for registry, name in made if (known := entry(registry, name)).own) and (
        not objective.own or own.is_resumable(objective, stateless_function=True)
    )


def grid_points() -> NDArray[np.float32]:
    """Return the points, [GRID_SIDE**2, 2] in standardised units, on which 2-d decisions are kept."""
    axis = np.linspace(-GRID_REACH, GRID_REACH, GRID_SIDE, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


@dataclass(frozen=True)
class _Tensors:
    """The data on the device; `*_encoded` are the targets as the loss compares with them."""

    objective: Objective
    own_network: bool
    train_inputs: Tensor
    train_targets: Tensor
    train_encoded: Tensor
    validation_inputs: Tensor
    validation_targets: Tensor
    validation_encoded: Tensor
    grid: Tensor | None

    @classmethod
    def on_device(
        cls, config: TrainingConfig, data: TrainingData, objective: Objective, device: torch.device
    ) -> "_Tensors":
        own_network = entry(NETWORKS, config.network).own
        train_targets = torch.tensor(data.train_targets, device=device)
        validation_targets = torch.tensor(data.validation_targets, device=device)
        planar = data.train_inputs.shape[1:] == (2,)
        return cls(
            objective=objective,
            own_network=own_network,
            train_inputs=_laid_out(torch.tensor(data.train_inputs, device=device), own_network),
            train_targets=train_targets,
            train_encoded=objective.encode(train_targets),
            validation_inputs=_laid_out(torch.tensor(data.validation_inputs, device=device), own_network),
            validation_targets=validation_targets,
            validation_encoded=objective.encode(validation_targets),
            grid=torch.tensor(grid_points(), device=device) if planar else None,
        )


def _laid_out(tensor: Tensor, own_network: bool) -> Tensor:
    """Return images with their channels last in memory, which convolutions on the CPU run through faster.

    The user's own network may want to view its input in the order of the rows.
    """
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 and not own_network else tensor


@contextmanager
def _reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Set what the numbers depend on beside the configuration, and put it back afterwards.

    With one thread denormal numbers are flushed to zero: they change nothing that can be seen, and saturated
    networks train several times slower with them. With more they are not: the setting reaches only those
    threads of the pool that start under it, so the numbers would depend on what ran before.
    """
    on_cuda = device.type == "cuda"
    if on_cuda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    warn_only_before = torch.is_deterministic_algorithms_warn_only_enabled()
    flushed_before = float(torch.tensor(1e-40) * 0.5) == 0
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        torch.set_flush_denormal(threads == 1)
        # Only the device in use: to ask another for its state would take memory on it.
        with torch.random.fork_rng(devices=[device] if on_cuda else []):
            yield
    finally:
        torch.set_flush_denormal(flushed_before)
        torch.use_deterministic_algorithms(deterministic_before, warn_only=warn_only_before)
        torch.set_num_threads(threads_before)


def _seed_generators(seed: int, device: torch.device) -> None:
    """Seed the generators that weights (CPU) and dropout (the device) are drawn from, and no other device's."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def _train_one(
    config: TrainingConfig,
    seed: int,
    *,
    data: TrainingData,
    tensors: _Tensors,
    epochs: int,
    measure_at: Collection[int],
    measure_improvements: bool,
    measure_stops: Collection[int],
    time_limit_seconds: float | None,
    on_epoch: Callable[[History], str | None] | None,
    snapshots: Snapshots | None,
    from_the_start: bool = False,
) -> Training:
    deadline = None if time_limit_seconds is None else perf_counter() + time_limit_seconds
    device = tensors.train_inputs.device
    _seed_generators(_stream(seed, 0), device)
    shuffle = torch.Generator().manual_seed(_stream(seed, 1))
    augmentation = augmentation_of(config, data.train_inputs, _stream(seed, 2), device)
    objective = tensors.objective
    network = build_network(config, tuple(data.train_inputs.shape[1:]), objective.outputs)
    network = network.to(device)
    if not tensors.own_network:
        network = network.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(config, network.parameters())
    normalises = own.normalises_batches(network)
    batches = _batch_bounds(len(tensors.train_inputs), config.batch_size, normalises)
    schedule = build_schedule(config, optimizer, len(batches))
    history = History(seed)
    history.metric, metric = metric_of(objective, data.task)
    best_metric = Best(higher_is_better=metric.higher_is_better)
    best_loss = Best(higher_is_better=False)
    patience = config.early_stopping_patience
    progress = InProgress(
        network, optimizer, schedule, augmentation, shuffle, history, (best_metric, best_loss), device
    )
    kept = None if snapshots is None or from_the_start else snapshots.load()
    if kept is not None:
        progress.restore(kept)

    for epoch in range(history.epochs + 1, epochs + 1):
        order = torch.randperm(len(tensors.train_inputs), generator=shuffle)
        done = _train_epoch(network, tensors, order, batches, optimizer, schedule, augmentation, deadline)
        if done is None:
            history.outcome = TIMED_OUT
            history.reason = f"ran out of its time limit in epoch {epoch}"
            break
        # All measuring is outside the timing, the running means of the epoch included.
        validation_outputs = _evaluate(network, tensors.validation_inputs, tensors)
        _append(history, done, tensors, data, validation_outputs)
        validation_loss = history.validation_loss[-1]
        finite = isfinite(history.train_loss[-1]) and isfinite(validation_loss)
        improved = best_metric.improves(epoch, history.validation_metric[-1])
        waited = 0 if best_loss.improves(epoch, validation_loss) else epoch - best_loss.epoch
        stop = 0 < patience <= waited
        read = epoch in measure_at or waited in measure_stops or (improved and measure_improvements)
        if read or stop or not finite:
            history.measurements[epoch] = _measure(network, tensors, data, validation_outputs)
        pruned = on_epoch(history) if on_epoch is not None else None
        if not finite:
            part = "validation" if isfinite(history.train_loss[-1]) else "training"
            history.outcome = DIVERGED
            history.reason = f"the {part} loss was not finite in epoch {epoch}"
            break
        if stop:
            if epoch < epochs:
                history.outcome = STOPPED_EARLY
                history.reason = f"no better validation loss for {patience} epochs at epoch {epoch}"
            break
        if pruned and epoch < epochs:
            history.outcome, history.reason = PRUNED, pruned
            break
        schedule.after_epoch(validation_loss)
        if snapshots is not None and epoch < epochs and snapshots.due() and not progress.kept_in(snapshots):
            snapshots = None
    return Training(network.eval(), history)


@dataclass(frozen=True)
class _Epoch:
    """One pass over the training part; `outputs` [n, outputs] and `targets` [n] are in the order of training."""

    losses: Tensor
    sizes: Tensor
    outputs: Tensor
    targets: Tensor
    learning_rate: float
    seconds: float


def _train_epoch(
    network: nn.Module,
    tensors: _Tensors,
    order: Tensor,
    batches: Sequence[tuple[int, int]],
    optimizer: Optimizer,
    schedule: Schedule,
    augmentation: Augmentation | None,
    deadline: float | None,
) -> _Epoch | None:
    """Train on every batch once, in an order [n]; None where the deadline came first."""
    device = tensors.train_inputs.device
    network.train()
    all_outputs, losses = [], []
    learning_rate = float("nan")

    start = _now(device)
    order = order.to(device)
    inputs, encoded = tensors.train_inputs[order], tensors.train_encoded[order]
    if augmentation is not None:
        inputs = augmentation(inputs, order)
    for first, last in batches:
        if deadline is not None and perf_counter() > deadline:
            return None
        optimizer.zero_grad(set_to_none=True)
        outputs = network(inputs[first:last])
        loss = tensors.objective.loss(outputs, encoded[first:last])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.detach())
        all_outputs.append(outputs.detach())
        learning_rate = float(optimizer.param_groups[0]["lr"])
        schedule.after_batch()
    seconds = _now(device) - start

    return _Epoch(
        losses=torch.stack(losses).cpu().double(),
        sizes=torch.tensor([last - first for first, last in batches], dtype=torch.float64),
        outputs=torch.cat(all_outputs),
        targets=tensors.train_targets[order[: batches[-1][1]]],
        learning_rate=learning_rate,
        seconds=seconds,
    )


def _append(history: History, done: _Epoch, tensors: _Tensors, data: TrainingData, validation_outputs: Tensor) -> None:
    """Add an epoch's row to the history."""
    objective = tensors.objective
    validation_loss = objective.loss(validation_outputs, tensors.validation_encoded)
    before = history.train_seconds[-1] if history.train_seconds else 0.0
    history.train_loss.append(float((done.losses * done.sizes).sum() / done.sizes.sum()))
    history.train_metric.append(score(objective, done.outputs, done.targets, data))
    history.validation_loss.append(float(validation_loss))
    history.validation_metric.append(score(objective, validation_outputs, tensors.validation_targets, data))
    history.learning_rate.append(done.learning_rate)
    history.train_seconds.append(before + done.seconds)


def _stream(seed: int, purpose: int) -> int:
    """Return a 64-bit seed of its own for each purpose (0: weights and dropout, 1: shuffling, 2: augmentation)."""
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1, np.uint64)[0])


def _batch_bounds(rows: int, batch_size: int, normalises: bool) -> list[tuple[int, int]]:
    """Return where each batch begins and ends; the last may be short.

    Batch normalisation cannot train on one sample: a last batch of one is left out then.
    """
    bounds = [(first, min(first + batch_size, rows)) for first in range(0, rows, batch_size)]
    first, last = bounds[-1]
    if normalises and last - first == 1 and len(bounds) > 1:
        bounds.pop()
    return bounds


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()


@torch.no_grad()
def _evaluate(network: nn.Module, inputs: Tensor, tensors: _Tensors) -> Tensor:
    network.eval()
    parts = torch.split(inputs, _EVALUATION_BATCH)
    # A copy, since the user's own network may work in place.
    return torch.cat([network(part.clone() if tensors.own_network else part) for part in parts])


def _measure(network: nn.Module, tensors: _Tensors, data: TrainingData, validation_outputs: Tensor) -> Measurement:
    outputs = _evaluate(network, tensors.train_inputs, tensors)
    return Measurement(
        train_loss=float(tensors.objective.loss(outputs, tensors.train_encoded)),
        train_metric=score(tensors.objective, outputs, tensors.train_targets, data),
        validation_outputs=validation_outputs.cpu().numpy(),
        grid_outputs=None if tensors.grid is None else _evaluate(network, tensors.grid, tensors).cpu().numpy(),
    )
