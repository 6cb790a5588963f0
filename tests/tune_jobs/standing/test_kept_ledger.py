"""A ledger that an earlier version wrote: complete for this one, and with the same numbers in the report.

`kept` holds what `ablatune run digits_demo --fraction 0.1 --seeds 1` left behind on commit 9146dc0, and the trials.csv
that its report wrote.
"""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tune_jobs.commands.cli import main

KEPT = Path(__file__).with_name("kept")
VARIANT = ("digits_demo", "--fraction", "0.1", "--seeds", "1")


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT, tmp_path / "results", ignore=shutil.ignore_patterns("trials.csv")))


def test_nothing_is_left_to_run(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path for path in storage.rglob("*") if path.is_file())
    assert main(["run", *VARIANT, "--storage", str(storage)]) == 0
    out = capsys.readouterr().out
    assert "in the ledger: 14; to run: 0" in out
    assert "nothing to run: the ledger has everything" in out
    assert sorted(path for path in storage.rglob("*") if path.is_file()) == before


def test_the_report_has_the_same_numbers(storage: Path, tmp_path: Path) -> None:
    assert main(["report", *VARIANT, "--storage", str(storage), "--output", str(tmp_path / "report")]) == 0
    found, kept = pd.read_csv(tmp_path / "report" / "trials.csv"), pd.read_csv(KEPT / "trials.csv")
    pd.testing.assert_frame_equal(found[kept.columns], kept)
