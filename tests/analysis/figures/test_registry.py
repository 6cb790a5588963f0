"""Every figure that a study may ask for can be loaded and drawn."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from analysis.figures.registry import drawing
from tests.analysis.figures.kept import GAUSSIAN, TOY, drawn, keep, keep_gaussians
from tune_jobs.study.figures import FIGURES


def test_the_registry_is_not_empty_and_no_two_figures_share_a_function() -> None:
    assert FIGURES
    assert len({entry.target for entry in FIGURES.values()}) == len(FIGURES)
    assert all(entry.help for entry in FIGURES.values())


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_function_in_a_module_of_figures(name: str) -> None:
    assert FIGURES[name].target.startswith("analysis.figures.")
    assert callable(drawing(name))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_for_a_table_that_it_suits_and_for_no_other(run: Any, fate: Any, name: str) -> None:
    classes = keep(run(TOY, fates=lambda config: fate(last=100.0)), 2)
    gaussians = keep_gaussians(run(GAUSSIAN))
    for ran in (classes, gaussians):
        found = drawn(ran, name)
        suits = FIGURES[name].suits(row.config for _, row in ran.evidence.rows_of("activation"))
        assert (found is not None) == suits
        if found is not None:
            figure, caption = found
            assert isinstance(figure, Figure)
            assert figure.axes
            assert caption.endswith(".")
