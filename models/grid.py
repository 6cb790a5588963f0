"""The grid on which decisions are kept where inputs are two-dimensional (no torch)."""

import numpy as np
from numpy.typing import NDArray

# Points along each axis, and how far the grid reaches from the centre, in standard deviations of the inputs.
GRID_SIDE = 64
GRID_REACH = 2.5


def grid_points() -> NDArray[np.float32]:
    """Return the points, [GRID_SIDE**2, 2] in standardised units."""
    axis = np.linspace(-GRID_REACH, GRID_REACH, GRID_SIDE, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
