"""What picking the best of several levels does to its mean."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


def flattery(levels: Sequence[NDArray[np.float64]]) -> float | None:
    """By how much the mean of the best of several equal levels exceeds the true one, on average.

    It is the mean of the largest of m standard normal values, Φ⁻¹((m − 3/8) / (m + 1/4)) (Blom, 1958, Statistical
    estimates and transformed beta-variables), times the standard error of a typical level: that with the median
    variance. Levels that differ flatter the best of them by less.

    Args:
        levels: the replicates of each level, [n] each.

    Returns:
        None where fewer than two levels have two replicates.
    """
    known = [values for values in levels if values.size > 1]
    if len(known) < 2:
        return None
    error = sqrt(float(np.median([values.var(ddof=1) / values.size for values in known])))
    return float(ndtri((len(known) - 0.375) / (len(known) + 0.25))) * error
