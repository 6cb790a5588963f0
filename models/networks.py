"""The networks: functions of a configuration, the shape of one input and the number of outputs."""

from itertools import pairwise
from math import prod

from torch import nn

from models import own
from models.protocols import NetworkConfig
from models.registry import ACTIVATIONS, NETWORKS, entry
from models.shapes import convolution_layers


def build_network(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the configured network: inputs [n, *input_shape] to outputs [n, outputs].

    Weights are drawn from torch's global generator, with PyTorch's default initialisation.

    Raises:
        ModelError: the network cannot take inputs of this shape.
    """
    known = entry(NETWORKS, config.network)
    if known.own:
        return own.network(config, input_shape, outputs)
    network: nn.Module = known.load()(config, input_shape, outputs)
    return network


def linear(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return one linear layer on the flattened input."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), outputs))


def mlp(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return `hidden_layers` linear layers of `hidden_units`, each with its activation, and a linear head."""
    widths = [prod(input_shape), *[config.hidden_units] * config.hidden_layers]
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise(widths):
        layers.append(nn.Linear(fan_in, fan_out))
        if config.batch_norm:
            layers.append(nn.BatchNorm1d(fan_out))
        layers.append(_activation(config))
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def cnn(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return `hidden_layers` convolutions with optional 2x2 max-pooling, and a linear head."""
    layers: list[nn.Module] = []
    plan = convolution_layers(config, input_shape)
    for layer in plan:
        padding = (config.kernel_size - 1) // 2 if layer.padding == "same" else int(layer.padding)
        if layer.padding == "same" and config.kernel_size % 2 == 0:
            # An even kernel keeps the size with one more zero on the right and below than on the left and above.
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
        layers.append(nn.Conv2d(layer.in_channels, layer.out_channels, config.kernel_size, padding=padding))
        if config.batch_norm:
            layers.append(nn.BatchNorm2d(layer.out_channels))
        nonlinearity = [_activation(config)]
        if layer.pooled:
            # A monotone activation commutes with max-pooling; pooled first, it works on a quarter of the pixels.
            position = 0 if ACTIVATIONS[config.activation].monotone else 1
            nonlinearity.insert(position, nn.MaxPool2d(2))
        layers.extend(nonlinearity)
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    features = prod((plan[-1].out_channels, plan[-1].height, plan[-1].width) if plan else input_shape)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, outputs))


def _activation(config: NetworkConfig) -> nn.Module:
    module: nn.Module = ACTIVATIONS[config.activation].load()()
    return module
