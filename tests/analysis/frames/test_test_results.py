"""The frame of test results: the last numbers of each declared configuration."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.frames.test_results import tests_frame as frame_of_tests

STUDY = """\
base: {dataset: digits, hidden_units: 4, epochs: 3}
tables:
  - {factor: hidden_units, levels: [4, 8]}
final: {hidden_units: 8}
"""


@pytest.fixture
def ran(run: Any) -> Any:
    return run(STUDY)


def test_the_frame_has_the_last_numbers_of_each_declared_configuration(ran: Any, opened: Any) -> None:
    first = opened(ran, [95.0, 96.0, 97.0])
    second = opened(ran, [94.0, 93.0, 92.0], at="2026-02-02")
    begun = opened(ran, [], at="2026-02-03")
    rival = replace(second.tested[0], roles=("chosen",), metrics=(1.0, 1.0, 1.0))
    frame = frame_of_tests([first, replace(second, tested=[*second.tested, rival]), begun])
    assert frame["test_metric"].tolist() == [94.0, 93.0, 92.0]
    assert frame[["table", "level"]].drop_duplicates().values.tolist() == [["final", "Final configuration"]]
    assert frame["seed"].tolist() == [0, 1, 2]
    assert list(frame_of_tests([]).columns) == ["table", "level", "seed", "test_metric", "test_loss"]
