"""The tensors of a stack: weights, gradients, and what the optimizer keeps, of all places at once."""

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models.objectives import Objective
from models.optimizer_step import OptimizerStep
from models.protocols import TrainingConfig
from models.stacking.layers import Draws, Gradient, OneByOne, stacked_layers
from models.stacking.shape import LINE, VECTOR, Shape, alignment, padded_size, spare_places
from models.stacking.updates import UPDATES, Hyperparameters, prepared, step

# Weights of a network up to which one pass updates a whole stack: fewer kernels are launched. Beyond, each member's own
# fused optimizer reads and writes less memory. It must not depend on the width, which must not change a bit. On CUDA
# it is always one pass: the kernels of many optimizers take longer to launch than to run.
_UPDATED_TOGETHER = 1 << 15
# Weights of a matrix from which on its gradient is computed for one member after another, where members have their own
# optimizers: those of all members would not stay in the cache until they are read.
_ONE_BY_ONE = 1 << 16


@dataclass(frozen=True)
class _Run:
    """Neighbouring weights of a member that are updated as one tensor.

    Attributes:
        begin, end: where they are in the row of a member.
        gradient: takes that of all members, [places, weights].
    """

    begin: int
    end: int
    gradient: Gradient


@dataclass(frozen=True)
class Place:
    """One place of a stack, as views of its tensors.

    Attributes:
        parameters, buffers: by the names of a single network, and in its shapes.
        state: what the stack's update keeps, by its name for it, each [weights]; empty where members have their own.
        weights: as the stack keeps them, with the padding: tensors [weights] that are updated one by one.
    """

    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    state: dict[str, Tensor]
    weights: list[Tensor]


class Stack:
    """Room for networks of one shape that train at once.

    Args:
        shape: of the members.
        config: of any of them.
        network: of any of them.
        objective: of any of them.
        width: how many members it has room for.

    Attributes:
        members: how many it has room for.
        places: how many it computes: some of them stay empty.
        draws: what the dropout of each place is drawn from.
        given: the hyperparameters of each place, where all are updated together.
        steps: of each place that has a member, where members have optimizers of their own.
        smoothing: the label smoothing of each place, [places].
        updates_together: whether one pass updates all weights; else each member's own optimizer does.
    """

    def __init__(
        self, shape: Shape, config: TrainingConfig, network: nn.Module, objective: Objective, width: int
    ) -> None:
        if objective.losses is None:
            raise TypeError(f"{config.objective} has no losses of a stack")
        device = next(network.parameters()).device
        self.members, self.places = width, width + spare_places(shape, width)
        self.draws = Draws(self.places, device)
        self.given = Hyperparameters(self.places, decays=shape.decays)
        self.steps: list[OptimizerStep | None] = [None] * self.places
        self.smoothing = torch.zeros(self.places, device=device)
        self._losses = objective.losses

        self._outputs = objective.outputs
        singles = dict(network.named_parameters())
        multiple = alignment(shape)
        self._shapes = {name: _padded_shape(_transposed(single), multiple) for name, single in singles.items()}
        sizes = (padded_size(math.prod(one), LINE) for one in self._shapes.values())
        *begins, size = accumulate(sizes, initial=0)
        self._table = torch.zeros((self.places, padded_size(size, VECTOR)), device=device)
        self._begins = dict(zip(singles, begins, strict=True))
        self._parameters = {name: _view(self._table, begin, self._shapes[name]) for name, begin in self._begins.items()}
        self._buffers = {
            name: torch.zeros((self.places, *_padded_shape(single, multiple)), device=device)
            for name, single in network.named_buffers()
            if single.is_floating_point()
        }
        self._real = {name: one.shape for name, one in (*singles.items(), *network.named_buffers())}
        self.updates_together = device.type == "cuda" or size <= _UPDATED_TOGETHER
        self._runs = self._divided()
        self._layers = stacked_layers(network, self._parameters, self._gradients(), self._buffers, self.draws)
        if self.updates_together:
            self._update = UPDATES[config.optimizer]
            self._state = {name: torch.zeros_like(self._table) for name in self._update.state}
        else:
            self._state, self._nothing = {}, torch.empty(0)

    def _divided(self) -> list[_Run]:
        """Divide the row of a member into what is updated as one tensor, and make room for the gradients."""
        matrices = {
            self._begins[name]: shape
            for name, shape in self._shapes.items()
            if not self.updates_together and len(shape) == 2 and math.prod(shape) >= _ONE_BY_ONE
        }
        width = self._table.shape[1]
        edges = {0, width, *matrices, *(begin + math.prod(shape) for begin, shape in matrices.items())}
        return [
            _Run(
                begin,
                end,
                OneByOne(self._table.new_zeros(matrices[begin]))
                if begin in matrices
                else self._table.new_zeros((self.places, end - begin)),
            )
            for begin, end in pairwise(sorted(edges))
        ]

    def _gradients(self) -> dict[str, Gradient]:
        """Return what takes the gradient by each parameter, [places, …]."""
        found: dict[str, Gradient] = {}
        for name, begin in self._begins.items():
            (run,) = (one for one in self._runs if one.begin <= begin < one.end)
            if isinstance(run.gradient, OneByOne):
                found[name] = run.gradient
            else:
                found[name] = _view(run.gradient, begin - run.begin, self._shapes[name])
        return found

    def clear(self, index: int) -> None:
        """Make weights, gradients and the update's state of a place 0: one that diverged may have left more there."""
        for tensor in (self._table, *self._state.values(), *(run.gradient for run in self._runs)):
            if isinstance(tensor, Tensor):
                tensor[index].zero_()

    def place(self, index: int) -> Place:
        """Return the tensors of one place; what is written there is what trains. Padding is 0."""
        padded = {name: parameter[index] for name, parameter in self._parameters.items()}
        buffers = {name: buffer[index] for name, buffer in self._buffers.items()}
        return Place(
            {name: _cut(_transposed(one), self._real[name]) for name, one in padded.items()},
            {name: _cut(one, self._real[name]) for name, one in buffers.items()},
            {name: state[index] for name, state in self._state.items()},
            [self._table[index, run.begin : run.end] for run in self._runs],
        )

    def prepared(self) -> Tensor:
        """Count a step of each place; return what the update needs of the hyperparameters, on the CPU.

        It is empty where members have optimizers of their own, which know.
        """
        if not self.updates_together:
            return self._nothing
        return torch.from_numpy(prepared(self._update, self.given))

    def train_batch(self, inputs: Tensor, targets: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Do one step of every place; what dropout keeps is in `draws.kept`.

        Args:
            inputs: [places, n, features], padded.
            targets: encoded, [places, n, …].
            wanted: what `prepared` returned, on the device.

        Returns:
            The outputs [places, n, outputs] before the step, and the loss of each place.
        """
        with torch.no_grad():
            padded = inputs
            for layer in self._layers:
                padded = layer.forward(padded)
            outputs = padded[..., : self._outputs].contiguous()
            losses, slope = self._losses(outputs, targets, self.smoothing)
            if padded.shape[2] > self._outputs:
                slope = F.pad(slope, (0, padded.shape[2] - self._outputs))
            for layer in reversed(self._layers):
                slope = layer.backward(slope)
            if self.updates_together:
                self._update_together(wanted)
            else:
                self._update_singly()
        return outputs, losses

    def _update_together(self, wanted: Tensor) -> None:
        (run,) = self._runs
        step(
            self._update,
            decays=self.given.decays,
            weights=self._table,
            gradients=cast(Tensor, run.gradient),
            state=list(self._state.values()),
            wanted=wanted,
        )

    def _update_singly(self) -> None:
        # Taking all places apart at once takes a fifth of the time of one after another.
        gradients = [run.gradient.unbind() if isinstance(run.gradient, Tensor) else run.gradient for run in self._runs]
        # The last place first: the weights of the first are then still in the cache when the next step begins.
        for place, step_place in reversed(list(enumerate(self.steps))):
            if step_place is not None:
                step_place([gradient[place] for gradient in gradients])


def _view(table: Tensor, begin: int, shape: tuple[int, ...]) -> Tensor:
    """Return a part of each row of a table [places, weights] in a shape, [places, *shape]."""
    return table[:, begin : begin + math.prod(shape)].view(len(table), *shape)


def _padded_shape(single: Tensor, multiple: int) -> tuple[int, ...]:
    return tuple(padded_size(size, multiple) for size in single.shape)


def _transposed(parameter: Tensor) -> Tensor:
    """Transpose a matrix; other parameters stay as they are."""
    return parameter.t() if parameter.ndim == 2 else parameter


def _cut(padded: Tensor, shape: torch.Size) -> Tensor:
    """Return the part of a tensor that is real."""
    return padded[tuple(map(slice, shape))]
