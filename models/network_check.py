"""Whether a configuration can be trained on inputs of a shape, found out before anything is built (no torch)."""

from models.errors import ModelError
from models.networks import NETWORKS
from models.protocols import AugmentationConfig, TrainingConfig
from models.registry import entry

_AUGMENTATIONS = ("shift", "rotation", "zoom")


def check_network(config: TrainingConfig, input_shape: tuple[int, ...]) -> None:
    """Raise where the configured network cannot be trained on inputs of this shape.

    Raises:
        ModelError: the network does not take the shape, batch normalisation gets batches of one, or what is augmented
            is no image.
    """
    if augments(config) and len(input_shape) != 3:
        name = next(name for name in _AUGMENTATIONS if getattr(config, name))
        raise ModelError(
            f"{name}: changes images of shape (channels, height, width), the data has {input_shape}; leave "
            f"{', '.join(_AUGMENTATIONS)} at 0"
        )
    network = entry(NETWORKS, config.network)
    network.check(config, input_shape)
    if "batch_norm" in network.reads and config.batch_norm and config.batch_size < 2:
        raise ModelError(
            f"batch_norm: needs batches of two or more, batch_size is {config.batch_size}; raise it or leave "
            "batch_norm off"
        )


def augments(config: AugmentationConfig) -> bool:
    """Tell whether training images are changed at random."""
    return any(getattr(config, name) for name in _AUGMENTATIONS)
