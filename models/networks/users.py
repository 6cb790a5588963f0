"""A network of the user's: any class or function, "module:Name"."""

from typing import TYPE_CHECKING

from models.networks.network import Network, takes_any_shape
from models.protocols import NetworkConfig
from models.registry import short_name

if TYPE_CHECKING:
    from torch import nn

# The multiplications of the user's network are not known before it is built; a usual number stands for them.
USUAL_MULTIPLICATIONS = 100_000


def users_network(reference: str) -> Network:
    """Return what is known of a user's network before it is built."""
    return Network(
        short_name(reference),
        user_code=True,
        build=_build,
        check=takes_any_shape,
        multiplications=_multiplications,
    )


def _build(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
    """Call the user's class or function."""
    from models.user_code import network

    return network(config, input_shape, outputs)


def _multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Return the usual number."""
    return USUAL_MULTIPLICATIONS
