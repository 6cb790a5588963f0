"""A member of a stack: one trajectory with its own network, draws, schedule and history, in a place of the stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from models.device_data import DeviceData
from models.networks import build_network
from models.objectives import metric_of
from models.optimizer_step import OptimizerStep
from models.optimizers import build_optimizer
from models.plan import TrainingControl, TrainingPlan
from models.protocols import TrainingConfig, TrainingData
from models.reproducible import SHUFFLING, WEIGHTS, derived_seed, seed_global_generators
from models.schedules import build_schedule
from models.snapshot import InProgress, SnapshotError
from models.stacking.stack import Place, Stack
from models.trajectory import Trajectory


@dataclass(frozen=True)
class Request:
    """A training that is to be a member of a stack; see `models.engine.train`."""

    config: TrainingConfig
    seed: int
    data: TrainingData
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    control: TrainingControl = field(default_factory=TrainingControl)


class Member:
    """A network in training in a place of a stack.

    Args:
        request: what to train.
        data: on the device, with the objective of this member.
        batches: of an epoch.

    Attributes:
        network: while the member has a place, its weights are views of the stack's.
        deadline: when it is out of time, in seconds of `perf_counter`; None for never.
        rate_of_epoch: the learning rate of the last step.
    """

    def __init__(self, request: Request, data: DeviceData, batches: int) -> None:
        config, seed = request.config, request.seed
        self.request, self.data, self._batches = request, data, batches
        self.deadline: float | None = None
        self.rate_of_epoch = float("nan")
        self.snapshots = request.control.snapshots
        # As the engine does: the same seed gives the same weights, order and dropout.
        seed_global_generators(derived_seed(seed, WEIGHTS), data.device)
        self.network: nn.Module = build_network(config, data.input_shape, data.objective.outputs).to(data.device)
        self.dropout = torch.Generator(data.device)
        if data.device.type == "cpu":
            self.dropout.set_state(torch.default_generator.get_state())
        else:
            self.dropout.manual_seed(derived_seed(seed, WEIGHTS))
        self.shuffle = torch.Generator().manual_seed(derived_seed(seed, SHUFFLING))
        self.trajectory = Trajectory(config, seed, request.plan, metric_of(data.objective, data.source.task))
        self._own = build_optimizer(config, self.network.parameters())
        self.optimizer: Optimizer | _PlaceState = self._own
        self.schedule = build_schedule(config, self._own, batches)
        # PyTorch warns of a schedule whose optimizer never steps. A step, even without gradients, imports its compiler.
        self._own._opt_called = True  # type: ignore[attr-defined]

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._own.param_groups[0]["lr"])

    def enter(self, stack: Stack, index: int) -> None:
        """Take a place: from now on the network's weights are views of the stack's."""
        stack.clear(index)
        place, config = stack.place(index), self.request.config
        self._replace(place)
        if stack.updates_together:
            self.optimizer = _PlaceState(self._own, place.state, stack.given.steps[index : index + 1])
        else:
            # The fused kernels want tensors without gaps, which the real parts are not.
            self._own.param_groups[0]["params"] = [nn.Parameter(one) for one in place.weights]
            stack.steps[index] = OptimizerStep(self._own)
        stack.given.steps[index] = 0
        stack.given.momentum[index] = config.momentum
        stack.given.weight_decay[index] = config.weight_decay
        stack.smoothing[index] = config.label_smoothing
        stack.draws.rates[index], stack.draws.generators[index] = config.dropout, self.dropout

    def move(self, stack: Stack, index: int) -> None:
        """Go on in a place of another stack."""
        state = self.optimizer.state_dict()
        self.enter(stack, index)
        self.optimizer.load_state_dict(state)

    def resume(self) -> bool:
        """Continue from the snapshot, if there is one; return whether the member must be made anew without it."""
        content = self.snapshots.load() if self.snapshots is not None else None
        if content is not None:
            try:
                InProgress(self, self.trajectory).restore(content)
            except SnapshotError:
                return False
        return True

    def leave(self, stack: Stack, index: int) -> None:
        """Give the place up and keep the weights."""
        for tensor in (*self.network.parameters(), *self.network.buffers()):
            tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)
            tensor.grad = None
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm1d) and module.num_batches_tracked is not None:
                module.num_batches_tracked.fill_(self._batches * self.trajectory.history.epochs)
        stack.draws.generators[index] = stack.steps[index] = None
        stack.given.learning_rate[index] = 0

    def keep_snapshot(self) -> None:
        """Keep a snapshot if one is due; after one that cannot be kept there are none."""
        snapshots = self.snapshots
        if snapshots is not None and snapshots.due() and not InProgress(self, self.trajectory).kept_in(snapshots):
            self.snapshots = None

    def generators(self) -> dict[str, torch.Generator]:
        """Return the generators that random numbers are drawn from, by what they are for."""
        return {"dropout": self.dropout, "shuffle": self.shuffle}

    def _replace(self, place: Place) -> None:
        """Move the weights and running statistics into a place, and let the network view them there."""
        names = {**dict(self.network.named_parameters()), **dict(self.network.named_buffers())}
        for name, view in (*place.parameters.items(), *place.buffers.items()):
            tensor = names[name]
            view.copy_(tensor.data)
            tensor.data = view


class _PlaceState:
    """What the stack's update keeps of one place, as the state of an optimizer.

    Args:
        own: the member's own optimizer, which only holds the learning rate.
        state: tables by name, each [weights].
        steps: how many there were, [1].
    """

    def __init__(self, own: Optimizer, state: Mapping[str, Tensor], steps: NDArray[np.float64]) -> None:
        self._own, self._state, self._steps = own, state, steps

    def state_dict(self) -> dict[str, Any]:
        """Copy it."""
        kept = {name: one.clone() for name, one in self._state.items()}
        return {"own": self._own.state_dict(), "steps": float(self._steps[0]), "kept": kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put it back."""
        if set(state["kept"]) != set(self._state):
            raise ValueError("it is of another optimizer, or of a training outside of a stack")
        self._own.load_state_dict(state["own"])
        self._steps[0] = state["steps"]
        for name, one in self._state.items():
            one.copy_(state["kept"][name])
