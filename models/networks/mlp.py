"""A multilayer perceptron on the flattened input."""

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from models.networks.network import HIDDEN_LAYERS, Network, takes_any_shape
from models.protocols import NetworkConfig
from models.registry import ACTIVATIONS

if TYPE_CHECKING:
    from torch import nn


def _build(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
    """Build `hidden_layers` linear layers of `hidden_units`, each with its activation, and a linear head."""
    from torch import nn

    *hidden, head = pairwise(_widths(config, input_shape, outputs))
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in hidden:
        layers.append(nn.Linear(fan_in, fan_out))
        if config.batch_norm:
            layers.append(nn.BatchNorm1d(fan_out))
        layers.append(ACTIVATIONS[config.activation].load()())
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    return nn.Sequential(*layers, nn.Linear(*head))


def _multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Count one for each weight of the linear layers."""
    return sum(fan_in * fan_out for fan_in, fan_out in pairwise(_widths(config, input_shape, outputs)))


def _widths(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> list[int]:
    return [prod(input_shape), *[config.hidden_units] * config.hidden_layers, outputs]


MLP = Network(
    "MLP",
    reads=HIDDEN_LAYERS,
    build=_build,
    check=takes_any_shape,
    multiplications=_multiplications,
    stacks=True,
)
