"""What a run says of its findings when it has ended."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tune_jobs.commands.interface import Study
from tune_jobs.commands.run_findings import closing_lines
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.standing.standing import Standing

Closing = Callable[..., list[str]]


@pytest.fixture
def closing(filled: tuple[Path, Ledger]) -> Closing:
    path, ledger = filled
    study = Study.load(path, storage=ledger.storage.uri, replicates=4)

    def lines(trials: int = 20, stand_now: Callable[[], Standing] = study.standing) -> list[str]:
        return closing_lines(study.definition, trials, stand_now)

    return lines


def test_a_run_ends_with_three_findings_at_most_the_next_command_and_the_report(closing: Closing) -> None:
    lines = closing()
    assert lines[0] == "found:"
    assert lines[1].startswith("  Hidden layer size: 4 costs ")
    assert sum(line.startswith("  ") for line in lines) <= 3
    assert lines[-1].startswith("report: `ablatune report ")


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_nothing_that_goes_wrong_there_fails_the_run(closing: Closing, error: BaseException) -> None:
    def fails() -> Standing:
        raise error

    (line,) = closing(stand_now=fails)
    assert line.startswith("report: ")


def test_a_large_study_leaves_its_findings_to_the_report(closing: Closing) -> None:
    def unread() -> Standing:
        raise AssertionError("it was read")

    (line,) = closing(trials=10_001, stand_now=unread)
    assert line.startswith("report: ")


def test_neither_matplotlib_nor_torch_is_loaded_for_the_findings() -> None:
    code = (
        "import sys, analysis.frames.evidence, analysis.report.findings; "
        "print(*({'matplotlib', 'torch', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
