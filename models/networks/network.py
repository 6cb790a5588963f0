"""What a network declares about itself, in a module that loads without torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.protocols import NetworkConfig
from models.registry import Entry

if TYPE_CHECKING:
    from torch import nn

# What every network with hidden layers reads.
HIDDEN_LAYERS = ("hidden_layers", "hidden_units", "activation", "dropout", "batch_norm")


@dataclass(frozen=True)
class Network(Entry):
    """A network: its label, the fields that it reads, and three functions of a configuration and one input's shape.

    Attributes:
        build: makes the network, inputs [n, *input_shape] to outputs [n, outputs]. Weights are drawn from torch's
            global generator, with PyTorch's default initialisation. Imports torch when called.
        check: raises `ModelError` where the network cannot take inputs of this shape; builds nothing.
        multiplications: of one sample's forward pass, to weigh trials against each other; at least 1. Builds nothing,
            and is called only for what `check` lets pass.
        stacks: whether `models.stacking` knows its layers: several train at once.
    """

    build: "Callable[[NetworkConfig, tuple[int, ...], int], nn.Module]" = field(kw_only=True)
    check: Callable[[NetworkConfig, tuple[int, ...]], None] = field(kw_only=True)
    multiplications: Callable[[NetworkConfig, tuple[int, ...], int], int] = field(kw_only=True)
    stacks: bool = field(default=False, kw_only=True)


def takes_any_shape(config: NetworkConfig, input_shape: tuple[int, ...]) -> None:
    """Check nothing: the network flattens its input, or nothing is known of it before it is built."""
