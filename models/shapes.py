"""The shape of every layer, worked out before anything is built (no torch)."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from models.errors import ModelError
from models.protocols import AugmentationConfig, NetworkConfig, TrainingConfig
from models.registry import NETWORKS, entry, is_reference

_OWN_NETWORK = 100_000
_AUGMENTATIONS = ("shift", "rotation", "zoom")


@dataclass(frozen=True)
class ConvolutionLayer:
    """One convolution of a CNN: channels in and out, and the sides of its output in pixels.

    `padding` is in pixels on each side, or "same". `pooled` says whether 2x2 max-pooling follows;
    `height` and `width` are those after it.
    """

    in_channels: int
    out_channels: int
    padding: int | str
    pooled: bool
    height: int
    width: int


def convolution_layers(config: NetworkConfig, input_shape: tuple[int, ...]) -> list[ConvolutionLayer]:
    """Return the layers of the configured CNN for images of shape (channels, height, width).

    Pooling ends where a side would fall below one pixel.

    Raises:
        ModelError: the input is no image, or a layer's kernel is larger than the image it is given.
    """
    if len(input_shape) != 3:
        raise ModelError(
            f"network: cnn needs images of shape (channels, height, width), the data has {input_shape}; "
            "use mlp or linear"
        )
    channels, height, width = input_shape
    layers = []
    for index in range(config.hidden_layers):
        out_channels = config.hidden_units * (2**index if config.channel_growth == "doubling" else 1)
        grown = _growth(config)
        if min(height, width) + grown < 1:
            raise ModelError(
                f"hidden_layers: layer {index + 1} of {config.hidden_layers} gets images of {height}x{width} "
                f"pixels, too small for kernel_size {config.kernel_size} with padding {config.padding}; use "
                "fewer layers, a smaller kernel or padding: same"
            )
        height, width = height + grown, width + grown
        pooled = config.pooling and min(height, width) >= 2
        if pooled:
            height, width = height // 2, width // 2
        layers.append(ConvolutionLayer(channels, out_channels, config.padding, pooled, height, width))
        channels = out_channels
    return layers


def _growth(config: NetworkConfig) -> int:
    """Return by how many pixels a convolution changes the sides of its image."""
    return 0 if config.padding == "same" else 2 * int(config.padding) - config.kernel_size + 1


def check_network(config: TrainingConfig, input_shape: tuple[int, ...]) -> None:
    """Raise where the configured network cannot be trained on inputs of this shape.

    Raises:
        ModelError: as `convolution_layers`, batch normalisation over batches of one, or augmentation of what is no
            image.
    """
    if augments(config) and len(input_shape) != 3:
        name = next(name for name in _AUGMENTATIONS if getattr(config, name))
        raise ModelError(
            f"{name}: changes images of shape (channels, height, width), the data has {input_shape}; leave "
            f"{', '.join(_AUGMENTATIONS)} at 0"
        )
    if config.network == "cnn":
        convolution_layers(config, input_shape)
    if normalises_batches(config) and config.batch_size < 2:
        raise ModelError(
            f"batch_norm: needs batches of two or more, batch_size is {config.batch_size}; raise it or leave "
            "batch_norm off"
        )


def augments(config: AugmentationConfig) -> bool:
    """Return whether training images are changed at random."""
    return any(getattr(config, name) for name in _AUGMENTATIONS)


def normalises_batches(config: NetworkConfig) -> bool:
    """Return whether the configured network has batch normalisation; a linear one never has."""
    return config.batch_norm and "batch_norm" in entry(NETWORKS, config.network).reads


def multiplications(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> int:
    """Return the multiplications of one sample's forward pass, to weigh trials against each other.

    Those of the user's own network are not known without building it; a usual number stands for them.
    """
    features = prod(input_shape)
    if is_reference(config.network):
        return _OWN_NETWORK
    if config.network == "linear":
        return features * outputs
    if config.network == "cnn":
        total = 0
        height, width = input_shape[1:]
        for layer in convolution_layers(config, input_shape):
            pixels = (height + _growth(config)) * (width + _growth(config))
            total += config.kernel_size**2 * layer.in_channels * layer.out_channels * pixels
            height, width = layer.height, layer.width
            features = layer.out_channels * height * width
        return total + features * outputs
    widths = [features, *[config.hidden_units] * config.hidden_layers, outputs]
    return sum(a * b for a, b in pairwise(widths))
