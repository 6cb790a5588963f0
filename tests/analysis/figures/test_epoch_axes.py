"""The limits of an axes over the epochs."""

import numpy as np
import pytest

from analysis.figures.epoch_axes import without_spikes


def test_single_peaks_do_not_stretch_the_axis_and_lasting_ones_do() -> None:
    calm = np.linspace(0.0, 1.0, 500)
    assert without_spikes(np.concatenate([calm, [1e4]])) == pytest.approx((0.0, 1.0), abs=0.05)
    assert without_spikes(calm) == (0.0, 1.0)
    assert without_spikes(np.concatenate([calm, np.full(50, 1e4)])) == (0.0, 1e4)
    assert without_spikes(np.ones(9)) == (1.0, 1.0)
