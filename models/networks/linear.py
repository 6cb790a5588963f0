"""A linear model: one layer on the flattened input."""

from math import prod
from typing import TYPE_CHECKING

from models.networks.network import Network, takes_any_shape
from models.protocols import NetworkConfig

if TYPE_CHECKING:
    from torch import nn


def _build(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
    """Build one linear layer on the flattened input."""
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), outputs))


def _multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Count one for each weight."""
    return prod(input_shape) * outputs


LINEAR = Network("Linear", build=_build, check=takes_any_shape, multiplications=_multiplications, stacks=True)
