"""A convolutional network for images."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from models.errors import ModelError
from models.networks.network import HIDDEN_LAYERS, Network
from models.protocols import NetworkConfig
from models.registry import ACTIVATIONS

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ConvolutionLayer:
    """One convolution: its channels in and out, and the sides of its images in pixels.

    `padding` is in pixels on each side, or "same". `convolved` are height and width after the convolution, `height`
    and `width` those after 2x2 max-pooling, if `pooled` says that it follows.
    """

    in_channels: int
    out_channels: int
    padding: int | str
    convolved: tuple[int, int]
    pooled: bool
    height: int
    width: int


def convolution_layers(config: NetworkConfig, input_shape: tuple[int, ...]) -> list[ConvolutionLayer]:
    """Plan the layers of the configured CNN for images of shape (channels, height, width).

    Pooling ends where a side would fall below one pixel.

    Raises:
        ModelError: the input is no image, or a layer's kernel is larger than its image.
    """
    if len(input_shape) != 3:
        raise ModelError(
            f"network: cnn needs images of shape (channels, height, width), the data has {input_shape}; "
            "use mlp or linear"
        )
    channels, height, width = input_shape
    # By how many pixels a convolution changes the sides of its image.
    growth = 0 if config.padding == "same" else 2 * int(config.padding) - config.kernel_size + 1
    layers = []
    for index in range(config.hidden_layers):
        out_channels = config.hidden_units * (2**index if config.channel_growth == "doubling" else 1)
        convolved = height + growth, width + growth
        if min(convolved) < 1:
            raise ModelError(
                f"hidden_layers: layer {index + 1} of {config.hidden_layers} gets images of {height}x{width} "
                f"pixels, too small for kernel_size {config.kernel_size} with padding {config.padding}; use "
                "fewer layers, a smaller kernel or padding: same"
            )
        pooled = config.pooling and min(convolved) >= 2
        height, width = (side // 2 if pooled else side for side in convolved)
        layers.append(ConvolutionLayer(channels, out_channels, config.padding, convolved, pooled, height, width))
        channels = out_channels
    return layers


def _check(config: NetworkConfig, input_shape: tuple[int, ...]) -> None:
    """Plan the layers, which raises where the image is too small for them."""
    convolution_layers(config, input_shape)


def _build(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
    """Build `hidden_layers` convolutions with optional 2x2 max-pooling, and a linear head."""
    from torch import nn

    from models.networks.pooling import MaxPool2x2

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
        activation = ACTIVATIONS[config.activation]
        nonlinearity: list[nn.Module] = [activation.load()()]
        if layer.pooled:
            # A monotone activation commutes with max-pooling; pooled first, it works on a quarter of the pixels.
            nonlinearity.insert(0 if activation.monotone else 1, MaxPool2x2())
        layers.extend(nonlinearity)
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(_features(plan, input_shape), outputs))


def _multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Count one for each weight of a kernel wherever it is put down, and one for each weight of the head."""
    plan = convolution_layers(config, input_shape)
    kernels = sum(layer.in_channels * layer.out_channels * prod(layer.convolved) for layer in plan)
    return config.kernel_size**2 * kernels + _features(plan, input_shape) * outputs


def _features(plan: list[ConvolutionLayer], input_shape: tuple[int, ...]) -> int:
    """Return how many numbers the head gets."""
    return prod((plan[-1].out_channels, plan[-1].height, plan[-1].width) if plan else input_shape)


CNN = Network(
    "CNN",
    reads=(*HIDDEN_LAYERS, "channel_growth", "kernel_size", "padding", "pooling"),
    build=_build,
    check=_check,
    multiplications=_multiplications,
)
