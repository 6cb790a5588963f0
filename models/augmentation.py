"""Random affine changes of training images, drawn again in every epoch."""

from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models.network_check import augments
from models.protocols import AugmentationConfig

# The grid of a block has two numbers for each pixel, 2 MB, which fit in the cache.
_BLOCK_PIXELS = 2**18


class Augmentation:
    """Shifts, rotates and scales images, each by a random draw.

    Pixels that move in from outside get the image's background: in each channel the median of its outermost pixels.
    Zero is wrong, since it is the mean grey of standardised images; so is repeating the outermost pixels, which
    continues the strokes of digits that fill their frame to the new edge.

    Args:
        config: how far images are changed.
        images: float32 [n, channels, height, width], all that will be changed, in the order of the data.
        seed: of the changes; the same seed gives the same sequence of epochs.
        device: where images are changed. The changes are drawn on the CPU, the same for every device.

    Attributes:
        generator: draws the changes.
    """

    def __init__(
        self, config: AugmentationConfig, images: NDArray[np.float32], seed: int, device: torch.device
    ) -> None:
        self._config = config
        self._background = torch.tensor(background(images), device=device)
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: Tensor, order: Tensor) -> Tensor:
        """Change an epoch's images [n, channels, height, width], which are in an order [n] of the data's rows."""
        draws = torch.rand(len(images), 4, generator=self.generator) * 2 - 1
        changes = affine_maps(self._config, draws, images.shape[2:]).to(images.device)
        backgrounds = self._background[order]
        changed = torch.empty_like(images)
        rows = max(1, _BLOCK_PIXELS // images[0, 0].numel())
        for first in range(0, len(images), rows):
            block = slice(first, first + rows)
            changed[block] = moved(images[block], changes[block], backgrounds[block])
        return changed


def augmentation_of(
    config: AugmentationConfig, images: NDArray[np.float32], seed: int, device: torch.device
) -> Augmentation | None:
    """Make the configured augmentation; None where it would change nothing."""
    return Augmentation(config, images, seed, device) if augments(config) else None


def background(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the background of images [n, channels, height, width]: the median of each frame, [n, channels, 1, 1].

    With an even number of pixels it is the upper of the two in the middle, which is a value of the image.
    """
    outermost = np.ones(images.shape[2:], dtype=bool)
    outermost[1:-1, 1:-1] = False
    frame = images[:, :, outermost]
    middle = frame.shape[2] // 2
    return np.partition(frame, middle, axis=2)[:, :, middle, None, None]


def affine_maps(config: AugmentationConfig, draws: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return the affine maps [n, 2, 3], for `affine_grid`, from each changed image to the unchanged one.

    An image is scaled and rotated about its centre, then shifted: a point goes from p to zRp + t. The maps are the
    inverse, in coordinates from -1 to 1 over each side.

    Args:
        config: the bounds.
        draws: [n, 4] in -1 to 1: shift to the right, shift down, rotation and zoom, as shares of their bounds.
        size: height and width in pixels.
    """
    height, width = size
    right, down = (draws[:, :2] * config.shift).unbind(dim=1)
    angle = draws[:, 2] * (config.rotation * pi / 180)
    zoom = 1 + draws[:, 3] * (config.zoom / 100)
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    # In pixels from the centre, then in halves of a side.
    across = torch.stack([cosine, sine, -(cosine * right + sine * down)], dim=1)
    along = torch.stack([-sine, cosine, sine * right - cosine * down], dim=1)
    maps = torch.stack([across / width, along / height], dim=1)
    return maps * torch.tensor([width, height, 2.0])


def moved(images: Tensor, maps: Tensor, backgrounds: Tensor) -> Tensor:
    """Move images [n, channels, height, width] by maps [n, 2, 3], with bilinear interpolation.

    Outside an image is its background, [n, channels, 1, 1].
    """
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    above = F.grid_sample(images - backgrounds, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return above + backgrounds
