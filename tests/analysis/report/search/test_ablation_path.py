"""What each change gained on the path to the winner, and what it is worth there."""

from typing import Any

import pytest

from analysis.frames.search_frames import goal_of
from analysis.report.search.ablation_path import steps_of, taken_back
from analysis.report.section import Section


def test_the_path_adds_up_and_names_what_did_nothing(evidence: Any, whole: dict[str, Section]) -> None:
    goal = goal_of(evidence.standing.search)
    assert goal is not None
    path, back = steps_of(evidence, goal), taken_back(evidence, goal)
    assert path is not None
    assert path.complete
    assert path.total is not None
    assert path.total.mean == pytest.approx(sum(step.gain.mean for step in path.steps if step.gain))
    rate = next(step for step in path.steps if step.label.startswith("Learning Rate"))
    assert rate.verdict == "better"
    worth = next(one for one in back if one.label.startswith("Learning Rate"))
    assert worth.verdict == "better"
    assert worth.worth is not None
    winner = path.steps[-1].after
    assert winner is not None
    assert worth.without is not None
    assert worth.worth.mean == pytest.approx(winner.mean - worth.without.mean)
    words = " ".join(whole["search-path"].paragraphs)
    assert f"Shown to improve the result, on the path or in the winner: {rate.label}" in words
