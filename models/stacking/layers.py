"""The layers of a stack: each computes all members at once, from inputs [members, n, in] to outputs [members, n, out].

The gradients of the usual layers are written out: for small networks autograd takes longer to find out what to call
than the kernels take, which are the same. For the others `_Differentiated` asks autograd.

To stack another kind of layer, write a class like `_Linear`, and say in `stacked_layers` what it stands for.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

_aten = torch.ops.aten

T = TypeVar("T")


class OneByOne:
    """The gradient by a matrix of weights, computed for one member when it is asked for.

    It takes the place of the one before, so that an update finds it in the cache.

    Args:
        room: takes the gradient, [in, out].
    """

    def __init__(self, room: Tensor) -> None:
        self._room, self._row = room, room.view(-1)
        self._transposed: Sequence[Tensor] = ()
        self._slope: Sequence[Tensor] = ()

    def hold(self, inputs: Tensor, slope: Tensor) -> None:
        """Remember what the gradient is made of.

        Args:
            inputs: of the layer, [members, n, in].
            slope: of the loss by the layer's outputs, [members, n, out].
        """
        self._transposed, self._slope = inputs.transpose(1, 2).unbind(), slope.unbind()

    def __getitem__(self, member: int) -> Tensor:
        """Return that of a member, [in * out]; the next one that is asked for overwrites it."""
        torch.mm(self._transposed[member], self._slope[member], out=self._room)
        return self._row


# Takes the gradient by a parameter, [members, …].
Gradient = Tensor | OneByOne


class Layer(Protocol):
    """A layer of all members, which remembers from `forward` to `backward` what its gradients need."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the outputs; the inputs may be overwritten."""

    def backward(self, slope: Tensor) -> Tensor:
        """Given the gradient of the loss by the outputs, return that by the inputs; put away those by parameters."""


class Draws:
    """What dropout keeps of a batch: drawn for each place from the generator of its member.

    Args:
        places: of the stack.
        device: that the values are on.

    Attributes:
        generators: of each place; None without a member, for which nothing is drawn.
        rates: the probability of dropping a value.
        features: of each layer that drops, and how many they are with the padding; the layers fill it in.
        kept: by layer, what the values of a batch are multiplied by; see `room`.
    """

    def __init__(self, places: int, device: torch.device) -> None:
        self.generators: list[torch.Generator | None] = [None] * places
        self.rates = [0.0] * places
        self.features: list[tuple[int, int]] = []
        self.kept: list[Tensor] = []
        self._device = device

    def room(self, rows: int) -> list[Tensor]:
        """Make room for what is drawn for batches of so many rows: [places, n, features], padded, by layer."""
        places = len(self.rates)
        return [torch.zeros((places, rows, padded), device=self._device) for _, padded in self.features]

    def draw(self, kept: Sequence[Tensor]) -> None:
        """Draw for one batch, only for real features, and in the order in which a single network draws."""
        drawn = [one.new_empty(one.shape[1], real) for one, (real, _) in zip(kept, self.features, strict=True)]
        for place, (generator, rate) in enumerate(zip(self.generators, self.rates, strict=True)):
            if generator is None:
                continue
            for one, values in zip(kept, drawn, strict=True):
                # As the single layer draws, so a member drops what it drops singly.
                one[place, :, : values.shape[1]] = values.bernoulli_(1 - rate, generator=generator).div_(1 - rate)


class _Linear:
    """As `nn.Linear`, with its weights transposed: the products that need them then read them row by row.

    Args:
        weight: [members, in, out].
        bias: [members, out].
        by_weight, by_bias: take the gradients.
        first: whether it is the network's first layer, so nobody asks for the gradient by its inputs.
    """

    def __init__(self, weight: Tensor, bias: Tensor, by_weight: Gradient, by_bias: Tensor, *, first: bool) -> None:
        self._weight, self._transposed, self._bias = weight, weight.transpose(1, 2), bias.unsqueeze(1)
        self._by_weight, self._by_bias, self._first = by_weight, by_bias, first

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs = inputs
        return torch.baddbmm(self._bias, inputs, self._weight)

    def backward(self, slope: Tensor) -> Tensor:
        if isinstance(self._by_weight, OneByOne):
            self._by_weight.hold(self._inputs, slope)
        else:
            torch.bmm(self._inputs.transpose(1, 2), slope, out=self._by_weight)
        torch.sum(slope, dim=1, out=self._by_bias)
        return slope if self._first else torch.bmm(slope, self._transposed)


class _InPlace:
    """An activation that overwrites its inputs, and whose gradient follows from its outputs.

    Args:
        compute: overwrites.
        slope: given the gradient by the outputs, and the outputs, returns that by the inputs.
        real: 1 for each feature and 0 for padding, which must stay 0; None if it does.
    """

    def __init__(
        self, compute: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor], real: Tensor | None
    ) -> None:
        self._compute, self._slope, self._real = compute, slope, real

    def forward(self, inputs: Tensor) -> Tensor:
        self._outputs = self._compute(inputs)
        return self._outputs if self._real is None else self._outputs.mul_(self._real)

    def backward(self, slope: Tensor) -> Tensor:
        return self._slope(slope, self._outputs)


class _Dropout:
    """As `nn.Dropout` in training, with a rate and a generator for each member."""

    def __init__(self, draws: Draws, layer: int) -> None:
        self._draws, self._layer = draws, layer

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self._draws.kept[self._layer]

    def backward(self, slope: Tensor) -> Tensor:
        return slope * self._draws.kept[self._layer]


class _Differentiated:
    """A layer whose gradients autograd computes.

    Args:
        compute: inputs to outputs.
        parameters: what it reads besides, of which gradients are wanted.
        gradients: take them.
    """

    def __init__(
        self,
        compute: Callable[[Tensor], Tensor],
        parameters: Sequence[Tensor] = (),
        gradients: Sequence[Tensor] = (),
    ) -> None:
        self._compute, self._parameters, self._gradients = compute, parameters, gradients

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.enable_grad():
            self._inputs = inputs.detach().requires_grad_()
            self._outputs = self._compute(self._inputs)
        return self._outputs.detach()

    def backward(self, slope: Tensor) -> Tensor:
        to_inputs, *found = torch.autograd.grad(self._outputs, [self._inputs, *self._parameters], slope)
        for room, gradient in zip(self._gradients, found, strict=True):
            room.copy_(gradient)
        return to_inputs


def _batch_norm(
    single: nn.BatchNorm1d, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, gradients: Sequence[Tensor]
) -> Layer:
    """Make a layer as `nn.BatchNorm1d` in training: all tensors [members, units]."""
    weight, bias = weight.detach().requires_grad_(), bias.detach().requires_grad_()

    def compute(inputs: Tensor) -> Tensor:
        members, rows, units = inputs.shape
        # Every unit of every member is a channel of its own.
        normalised = F.batch_norm(
            inputs.transpose(0, 1).reshape(rows, members * units),
            mean.view(-1),
            var.view(-1),
            weight.reshape(-1),
            bias.reshape(-1),
            training=True,
            momentum=single.momentum or 0.0,
            eps=single.eps,
        )
        return normalised.view(rows, members, units).transpose(0, 1).contiguous()

    return _Differentiated(compute, (weight, bias), gradients)


_LEAK = nn.LeakyReLU().negative_slope
_WRITTEN_OUT: Mapping[type[nn.Module], tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    nn.ReLU: (torch.relu_, lambda slope, outputs: _aten.threshold_backward.default(slope, outputs, 0)),
    nn.LeakyReLU: (
        lambda inputs: F.leaky_relu_(inputs, _LEAK),
        lambda slope, outputs: _aten.leaky_relu_backward.default(slope, outputs, _LEAK, True),
    ),
    nn.Tanh: (torch.tanh_, lambda slope, outputs: _aten.tanh_backward.grad_input(slope, outputs, grad_input=slope)),
    nn.Sigmoid: (
        torch.sigmoid_,
        lambda slope, outputs: _aten.sigmoid_backward.grad_input(slope, outputs, grad_input=slope),
    ),
}


def _activation(single: nn.Module, features: int, padded: int, device: torch.device) -> Layer:
    real = None
    if padded > features and float(single(torch.zeros(()))):
        real = torch.zeros(padded, device=device)
        real[:features] = 1
    if type(single) in _WRITTEN_OUT:
        return _InPlace(*_WRITTEN_OUT[type(single)], real)
    return _Differentiated(single if real is None else lambda inputs: single(inputs) * real)


def stacked_layers(
    network: nn.Module,
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Gradient],
    buffers: Mapping[str, Tensor],
    draws: Draws,
) -> list[Layer]:
    """Make the layers of a stack of networks like this one.

    Args:
        network: an `nn.Sequential` of layers without layers in them.
        parameters, buffers: of the stack, [members, …], by the names that the network has for its own; matrices are
            transposed, and features padded with zeros, see `models.stacking.shape.alignment`.
        gradients: take those by the parameters.
        draws: for dropout.
    """

    def own(index: str, tensors: Mapping[str, T]) -> dict[str, T]:
        return {name.removeprefix(f"{index}."): one for name, one in tensors.items() if name.startswith(f"{index}.")}

    layers: list[Layer] = []
    features = padded = 0
    for index, single in network.named_children():
        weights, by = own(index, parameters), own(index, gradients)
        if isinstance(single, nn.Flatten):
            continue  # the inputs of a stack are rows
        if isinstance(single, nn.Linear):
            layers.append(_Linear(**weights, by_weight=by["weight"], by_bias=_whole(by["bias"]), first=not layers))
            features, padded = single.out_features, weights["weight"].shape[2]
        elif isinstance(single, nn.BatchNorm1d):
            running = own(index, buffers)
            mean, var = running["running_mean"], running["running_var"]
            layers.append(_batch_norm(single, **weights, mean=mean, var=var, gradients=[*map(_whole, by.values())]))
        elif isinstance(single, nn.Dropout):
            layers.append(_Dropout(draws, len(draws.features)))
            draws.features.append((features, padded))
        elif not weights:
            layers.append(_activation(single, features, padded, next(iter(parameters.values())).device))
        else:
            raise TypeError(f"{type(single).__name__} has no layer of a stack")
    return layers


def _whole(gradient: Gradient) -> Tensor:
    if isinstance(gradient, OneByOne):
        raise TypeError("only the gradients by matrices are computed one by one")
    return gradient
