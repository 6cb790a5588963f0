"""What a comparison says beside its verdict."""

import numpy as np
import pytest

from analysis.statistics.comparisons import UNCLEAR, Pairs, default_margin
from analysis.statistics.proportions import binomial_variance
from analysis.statistics.table_tests import compare


def test_what_is_not_clear_says_what_would_be() -> None:
    pairs = Pairs(np.array([97.4, 96.9, 97.5]), np.array([96.8, 97.2, 96.9]))
    (found,) = compare([pairs], higher_is_better=True)
    assert found.verdict == UNCLEAR
    assert found.smallest is not None
    assert found.difference is not None
    assert found.smallest > (found.difference.half_width or 0)
    assert found.seeds is not None
    assert found.seeds > 3


def test_the_default_margin_is_what_the_validation_part_leaves_open() -> None:
    assert default_margin(97.0, rows=1291, proportion=True) == pytest.approx(
        1.96 * binomial_variance(97.0, 1291) ** 0.5, rel=1e-4
    )
    assert default_margin(30_000.0, rows=450, proportion=False) == pytest.approx(1.96 * 30_000 / 30, rel=1e-4)
    assert default_margin(97.0, rows=None, proportion=True) is None
