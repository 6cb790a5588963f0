"""The training engine: a plain loop over tensors on the device.

`train` takes a configuration and a list of seeds and gives a history for each. The same configuration,
seed, device, instruction set, torch version and number of threads give the same numbers, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import nn

from models.device_data import DeviceData
from models.errors import ModelError
from models.history import History
from models.learner import Learner, TrainedEpoch
from models.measuring import epoch_row, evaluate, measure
from models.network_check import check_network
from models.objectives import metric_of
from models.output_check import check_outputs
from models.plan import TrainingControl, TrainingPlan
from models.protocols import TrainingConfig, TrainingData
from models.registry import SCHEDULES, entry
from models.reproducible import reproducible
from models.snapshot import InProgress, InTraining, SnapshotError
from models.trajectory import Trajectory
from models.user_code import has_user_code, is_resumable


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
    plan: TrainingPlan | None = None,
    control: TrainingControl | None = None,
    device: str = "cpu",
    graphs: bool = True,
) -> list[Training]:
    """Train the configured model once per seed.

    Args:
        config: what to train; its seed, if it has one, is not read.
        seeds: one for each trajectory.
        data: the training and the validation part.
        plan: how far to train and when to measure; all epochs and never unless given.
        control: what may end a trajectory early, or resume it; nothing unless given.
        device: "cpu", "cuda" or "cuda:1".
        graphs: whether CUDA may replay the steps from graphs, which changes no bit.

    Returns:
        A trained network and a history for each seed. Divergence (a loss that is not finite) is an outcome.

    Raises:
        ModelError: the configuration does not fit the data, the plan has more epochs than the schedule is made for, or
            there are snapshots for more than one seed.
    """
    plan, control = plan or TrainingPlan(), control or TrainingControl()
    check(config, seeds, data, plan, control)
    if control.snapshots is not None and not is_resumable(config):
        control = replace(control, snapshots=None)
    results = []
    with reproducible(config.threads, torch.device(device), filled=has_user_code(config)):
        on_device = DeviceData.on_device(config, data, check_outputs(config, data), torch.device(device))
        for seed in seeds:
            try:
                results.append(_train_one(config, seed, on_device, plan, control, graphs=graphs))
            except SnapshotError:
                results.append(_train_one(config, seed, on_device, plan, control, resume=False, graphs=graphs))
    return results


def check(
    config: TrainingConfig, seeds: Sequence[int], data: TrainingData, plan: TrainingPlan, control: TrainingControl
) -> None:
    """Check that a training can be done; see `train` for what it raises."""
    if control.snapshots is not None and len(seeds) != 1:
        raise ModelError(f"seeds: a snapshot is of one trajectory, and there are {len(seeds)}; give one seed")
    epochs = plan.last_epoch(config)
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


def _train_one(
    config: TrainingConfig,
    seed: int,
    data: DeviceData,
    plan: TrainingPlan,
    control: TrainingControl,
    *,
    resume: bool = True,
    graphs: bool = True,
) -> Training:
    """Train one trajectory, from its snapshot if there is one and `resume` is set."""
    limit = control.time_limit_seconds
    deadline = None if limit is None else perf_counter() + limit
    learner = Learner(config, seed, data, static=None if graphs else False)
    trajectory = Trajectory(config, seed, plan, metric_of(data.objective, data.source.task))
    progress = InProgress(learner, trajectory)
    snapshots = control.snapshots
    if snapshots is not None and resume and (content := snapshots.load()) is not None:
        progress.restore(content)

    while trajectory.epochs_left:
        trained = learner.train_epoch(deadline)
        if ends_with(trained, learner, trajectory, data, control):
            break
        if snapshots is not None and snapshots.due() and not progress.kept_in(snapshots):
            snapshots = None
    return Training(learner.network.eval(), trajectory.history)


def ends_with(
    trained: TrainedEpoch | None,
    learner: InTraining,
    trajectory: Trajectory,
    data: DeviceData,
    control: TrainingControl,
) -> bool:
    """Add an epoch to a trajectory and let the schedule follow; return whether the trajectory ends with it.

    Args:
        trained: the epoch; None if it was not finished in time.
        learner: that has trained it.
        trajectory: takes it.
        data: to validate on.
        control: is asked whether to go on.
    """
    history, network = trajectory.history, learner.network
    if trained is None:
        trajectory.time_out(history.epochs + 1)
        return True
    # All measuring is outside the timing, the running means of the epoch included.
    validation_outputs = evaluate(network, data.validation.inputs, data)
    trajectory.append(epoch_row(trained, validation_outputs, data))
    if trajectory.is_measured():
        history.measurements[history.epochs] = measure(network, data, validation_outputs)
    pruned = control.on_epoch(history) if control.on_epoch is not None else None
    if trajectory.ends(pruned):
        return True
    learner.schedule.after_epoch(history.validation_loss[-1])
    return False
