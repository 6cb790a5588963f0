"""The transforms before scaling: applied to new inputs, undone in predicted targets."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NONE, LOG, LOG1P = "none", "log", "log1p"


def transformed_inputs(values: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """Transform inputs: "log1p" is sign(x) log(1 + |x|) of each, "none" leaves them."""
    return np.copysign(np.log1p(np.abs(values)), values) if transform == LOG1P else values


def natural_targets(values: Tensor, transform: str) -> Tensor:
    """Undo a target's transform: "log" was the natural logarithm."""
    return values.exp() if transform == LOG else values


def log_normal_moments(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation, [n] each, of log-normal values whose logarithms have this mean and std [n].

    They are exp(m + s²/2), and that times √(exp(s²) - 1) (Johnson, Kotz and Balakrishnan, 1994, Continuous univariate
    distributions, volume 1, chapter 14).
    """
    variance = std.square()
    centre = mean + variance / 2
    # log √(exp(v) - 1), without exp(v), which may overflow.
    return centre.exp(), (centre + (variance + torch.log(-torch.expm1(-variance))) / 2).exp()
