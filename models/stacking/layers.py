"""The layers of a stack: each computes all members at once, from inputs [members, n, in] to outputs [members, n, out].

To stack another kind of layer, write a class like `_Linear`, and say in `stacked_layers` what it stands for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models.stacking.shape import filled_up

Layer = Callable[[Tensor], Tensor]


class Draws:
    """What dropout keeps of a batch: drawn for each place from the generator of its member.

    Args:
        places: of the stack.
        device: that the values are on.

    Attributes:
        generators: of each place; None without a member, for which nothing is drawn.
        rates: the probability of dropping a value.
        features: of each layer that drops; the layers fill it in.
        kept: by layer, what the values of a batch are multiplied by; see `room`.
    """

    def __init__(self, places: int, device: torch.device) -> None:
        self.generators: list[torch.Generator | None] = [None] * places
        self.rates = [0.0] * places
        self.features: list[int] = []
        self.kept: list[Tensor] = []
        self._device = device

    def room(self, rows: int) -> list[Tensor]:
        """Make room for what is drawn for batches of so many rows: [places, n, features], filled up, by layer."""
        places = len(self.rates)
        return [torch.zeros((places, rows, filled_up(one)), device=self._device) for one in self.features]

    def draw(self, kept: Sequence[Tensor]) -> None:
        """Draw for one batch, only for real features, and in the order in which a single network draws."""
        drawn = [one.new_empty(one.shape[1], real) for one, real in zip(kept, self.features, strict=True)]
        for place, (generator, rate) in enumerate(zip(self.generators, self.rates, strict=True)):
            if generator is None:
                continue
            for one, values, real in zip(kept, drawn, self.features, strict=True):
                # As the single layer draws, so a member drops what it drops singly.
                one[place, :, :real] = values.bernoulli_(1 - rate, generator=generator).div_(1 - rate)


class _Affine(torch.autograd.Function):
    """Inputs [members, n, in] to inputs times weight [members, out, in], transposed, plus bias [members, out].

    PyTorch's own gradient of the weight would be laid out as its transpose, which fused optimizers do not take.
    """

    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        context.save_for_backward(inputs, weight)
        return torch.baddbmm(bias.unsqueeze(1), inputs, weight.transpose(1, 2))

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        inputs, weight = context.saved_tensors
        to_inputs = torch.bmm(slope, weight) if context.needs_input_grad[0] else None
        return to_inputs, torch.bmm(slope.transpose(1, 2), inputs), slope.sum(dim=1)


@dataclass(frozen=True)
class _Linear:
    """As `nn.Linear`: weight [members, out, in], bias [members, out]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        made: Tensor = _Affine.apply(inputs, self.weight, self.bias)
        return made


@dataclass(frozen=True)
class _BatchNorm:
    """As `nn.BatchNorm1d` in training: all tensors [members, units]."""

    single: nn.BatchNorm1d
    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        members, rows, units = inputs.shape
        # Every unit of every member is a channel of its own.
        normalised = F.batch_norm(
            inputs.transpose(0, 1).reshape(rows, members * units),
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.reshape(-1),
            self.bias.reshape(-1),
            training=True,
            momentum=self.single.momentum or 0.0,
            eps=self.single.eps,
        )
        return normalised.view(rows, members, units).transpose(0, 1).contiguous()


@dataclass(frozen=True)
class _Dropout:
    """As `nn.Dropout` in training, with a rate and a generator for each member."""

    draws: Draws
    layer: int

    def __call__(self, inputs: Tensor) -> Tensor:
        return inputs * self.draws.kept[self.layer]


@dataclass(frozen=True)
class _Activation:
    """An activation that is not 0 at 0, which the features that only fill up must stay."""

    single: nn.Module
    real: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        made: Tensor = self.single(inputs) * self.real
        return made


def _activation(single: nn.Module, features: int, like: Tensor) -> Layer:
    filled = filled_up(features)
    if filled == features or not float(single(torch.zeros(()))):
        return single
    real = torch.zeros(filled, device=like.device)
    real[:features] = 1
    return _Activation(single, real)


def stacked_layers(
    network: nn.Module, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], draws: Draws
) -> list[Layer]:
    """Make the layers of a stack of networks like this one.

    Args:
        network: an `nn.Sequential` of layers without layers in them.
        parameters, buffers: of the stack, [members, …], by the names that the network has for its own; their features
            are filled up with zeros, see `models.stacking.shape.ALIGNED`.
        draws: for dropout.
    """

    def own(index: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name.removeprefix(f"{index}."): one for name, one in tensors.items() if name.startswith(f"{index}.")}

    layers: list[Layer] = []
    features = 0
    for index, single in network.named_children():
        weights = own(index, parameters)
        if isinstance(single, nn.Flatten):
            continue  # the inputs of a stack are rows
        if isinstance(single, nn.Linear):
            layers.append(_Linear(weights["weight"], weights["bias"]))
            features = single.out_features
        elif isinstance(single, nn.BatchNorm1d):
            layers.append(_BatchNorm(single, **weights, **own(index, buffers)))
        elif isinstance(single, nn.Dropout):
            layers.append(_Dropout(draws, len(draws.features)))
            draws.features.append(features)
        elif not weights:
            layers.append(_activation(single, features, next(iter(parameters.values()))))
        else:
            raise TypeError(f"{type(single).__name__} has no layer of a stack")
    return layers
