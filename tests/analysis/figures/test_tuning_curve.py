"""The figure of the best of n random trials."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures.tuning_curve import tuning_curve_figure
from analysis.statistics.tuning_curve import tuning_curve


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_an_open_band_ends_at_the_edge_and_a_loss_goes_down(higher_is_better: bool) -> None:
    sign = 1.0 if higher_is_better else -1.0
    curve = tuning_curve(sign * np.arange(20.0), np.arange(1, 41))
    found = pd.Series([5.0, 7.0] if higher_is_better else [7.0, 5.0])
    figure = tuning_curve_figure(curve, found, metric="loss", unit="", higher_is_better=higher_is_better)
    (ax,) = figure.axes
    median = ax.lines[0].get_ydata()
    assert list(np.sign(np.diff([median[0], median[-1]]))) == [sign]
    (band,) = ax.collections
    ends = band.get_paths()[0].get_extents()
    assert (ends.y0, ends.y1)[higher_is_better] == pytest.approx(ax.get_ylim()[higher_is_better])
    assert list(ax.lines[2].get_ydata()) == list(found)
