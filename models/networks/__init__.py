"""The networks, by the names that a configuration may use.

To add one, write a module like `models.networks.mlp`, whose `Network` declares all that is known of it, and register
it below. Nothing here loads torch before a network is built.
"""

from typing import TYPE_CHECKING

from models.networks.cnn import CNN
from models.networks.linear import LINEAR
from models.networks.mlp import MLP
from models.networks.network import Network
from models.networks.users import users_network
from models.protocols import NetworkConfig
from models.registry import Registry, entry

if TYPE_CHECKING:
    from torch import nn

NETWORKS: Registry[Network] = Registry(
    {
        "linear": LINEAR,
        "mlp": MLP,
        "cnn": CNN,
    },
    users_network,
)


def build_network(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
    """Build the configured network, inputs [n, *input_shape] to outputs [n, outputs].

    Raises:
        ModelError: the network cannot take inputs of this shape.
    """
    return entry(NETWORKS, config.network).build(config, input_shape, outputs)


def multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Count the multiplications of one sample's forward pass, to weigh trials against each other."""
    return entry(NETWORKS, config.network).multiplications(config, input_shape, outputs)
