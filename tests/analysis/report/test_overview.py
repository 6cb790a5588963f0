"""The first screen: its figures with their numbers."""

from typing import Any

import pytest

from analysis.report.findings import views_of
from analysis.report.outline import sections_of
from analysis.report.overview import overview_of
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""


@pytest.fixture(scope="module")
def ran(run: Any, fate: Any) -> Any:
    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (5 + config.hidden_units)) % 5 * 0.6
        return fate(last=90.0 - 8.0 * (config.hidden_units == 4) + 0.1 * (config.hidden_units == 16) + noise)

    return run(STUDY, seeds=6, fates=fates)


def test_every_difference_is_in_the_figure_and_in_its_file(ran: Any) -> None:
    section = overview_of(views_of(ran.evidence), ran.evidence)
    assert section is not None
    assert [picture.name for picture in section.pictures] == ["overview", "tradeoff"]
    frame = section.frames["differences"]
    assert sorted(frame["level"]) == ["0.1", "16", "4"]
    assert frame["factor"].iloc[0] == "Hidden layer size (default 8)"
    known = frame.dropna()
    assert len(known) == 2
    assert (known["low"] <= known["difference"]).all()
    points = section.frames["time-quality"]
    assert points["is_default"].sum() == 1
    assert points["on_front"].any()


def test_without_anything_to_compare_the_rows_are_the_first_figure(run: Any) -> None:
    text = (
        "base: {dataset: digits, epochs: 2}\nfinal:\n  - {name: small, title: Small, set: {hidden_units: 4}}\n"
        "  - {name: large, title: Large, set: {hidden_units: 8}}\n"
    )
    ran = run(text, seeds=2)
    section = overview_of(views_of(ran.evidence), ran.evidence)
    assert section is not None
    (picture,) = section.pictures
    (ax,) = picture.figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Small", "Large"]


def test_a_level_has_one_name_in_the_figure_of_times_and_in_its_table(ran: Any) -> None:
    section = overview_of(views_of(ran.evidence), ran.evidence)
    assert section is not None
    drawn = {artist.get_gid() for ax in section.pictures[1].figure.axes for artist in (*ax.lines, *ax.texts)} - {None}
    assert drawn <= {f"level-{line.position}" for view in views_of(ran.evidence) for line in view.lines}
    assert len(drawn) == len(section.frames["time-quality"])


def test_each_table_names_its_base_and_the_command_that_runs_it(ran: Any) -> None:
    for section in sections_of(ran.evidence, None):
        assert section.base.startswith("Default (")
        assert "hidden layer size 8" in section.base
        assert section.command.startswith("ablatune run ")


def test_each_unit_has_a_figure_of_its_own(run: Any, fate: Any) -> None:
    text = STUDY + (
        "  - title: Progress\n    name: progress\n    factor: hidden_units\n    levels: [4, 8]\n"
        "    base: {dataset: diabetes, objective: mse}\n"
    )
    ran = run(text, seeds=3)
    section = overview_of(views_of(ran.evidence), ran.evidence)
    assert section is not None
    names = [picture.name for picture in section.pictures]
    assert names[:2] == ["overview", "overview-2"]
    axes = [picture.figure.axes for picture in section.pictures[:2]]
    assert [len(found) for found in axes] == [1, 1]
    assert sum("(points)" in found[0].get_xlabel() for found in axes) == 1
    assert section.pictures[1].caption.startswith("The same for the difference in")
