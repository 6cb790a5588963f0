"""How many seeds a difference takes, as `plan --show` says it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.power import seeds_needed
from tests.analysis.conftest import Fate, make_record
from tune_jobs.commands import run
from tune_jobs.commands.cli import main
from tune_jobs.commands.interface import Study
from tune_jobs.errors import UserError
from tune_jobs.trial.trial import Trial

STUDY = """\
seeds: 3
base: {dataset: digits, hidden_units: 8, batch_size: 64, epochs: 2}
tables:
  - {factor: hidden_units, levels: [4, 8, 16]}
  - {factor: batch_size, levels: [16, 64]}
"""


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that runs a study without training, if asked to, and returns what `plan --show` says of it."""

    def train(context: Any, missing: Sequence[Trial], **known: Any) -> int:
        for trial in missing:
            units, seed = trial.config.hidden_units, trial.config.seed
            # The differences are 2 ± 1 and 3 ± 2; another batch size changes nothing.
            last = 90.0 + {4: (2 + (seed % 3 - 1)), 8: 0, 16: 3 + 2 * (seed % 3 - 1)}[units]
            context.ledger.write(make_record(trial, "f" * 64, Fate(last=last)))
        return 0

    monkeypatch.setattr(run, "train_trials", train)
    monkeypatch.chdir(tmp_path)

    def shown(text: str, *, difference: str = "1.0", runs: bool = True) -> list[str]:
        Path("s.yaml").write_text(text)
        if runs:
            assert main(["run", "s.yaml", "--cpus", "1"]) == 0
        capsys.readouterr()
        assert main(["plan", "s.yaml", "--no-pilot", "--show", difference]) == 0
        said = capsys.readouterr().out.splitlines()
        return said[next(n for n, line in enumerate(said) if line.startswith("seeds: ")) :]

    return shown


def test_the_seeds_follow_from_the_spread_in_the_ledger(lines: Any) -> None:
    heading, units, batches = lines(STUDY, difference="2.0")
    assert "in 80% of cases, at 5% for a whole table" in heading
    # Variances 1 and 4 of two levels pool to 2.5, and the level of two comparisons is 2.5%.
    expected = seeds_needed(2.0, 2.5**0.5, SIGNIFICANCE / 2)
    assert f"Hidden Layer Size: a difference of 2.00 points needs about {expected} seeds" in units
    assert "(spread of the paired differences 1.58 points, from 3 seeds; between " in units
    low, high = map(int, re.findall(r"between (\d+) and (\d+) with 95% confidence", units)[0])
    assert low < expected < high
    assert "no spread is known: the differences of its 3 replicates are equal, or vary by one row at most" in batches
    assert "`ablatune run s.yaml --seeds 6` may tell it" in batches


def test_a_spread_that_nobody_knows_is_not_made_up(lines: Any) -> None:
    for text in (STUDY, STUDY.replace("seeds: 3", "seeds: 1")):
        _, units, _ = lines(text, runs="seeds: 1" in text)
        assert units == (
            "  Hidden Layer Size: no spread is known: the ledger has fewer than 2 seeds of its default and another "
            "level; `ablatune run s.yaml --seeds 5` would tell it"
        )
    assert lines("until_decided: true\n" + STUDY.replace("seeds: 3\n", ""), runs=False)[1].endswith(
        "`ablatune run s.yaml --until-decided` would tell it"
    )
    _, only, _ = lines(STUDY.replace("levels: [4, 8, 16]", "levels: [4, 16]"), runs=False)
    assert only == "  Hidden Layer Size: no level is compared with a default"


def test_small_differences_need_more_seeds_than_anybody_trains(lines: Any) -> None:
    _, units, _ = lines(STUDY, difference="0.001")
    assert "a difference of 0.0010 points needs more than 1,000 seeds" in units


@pytest.mark.parametrize(
    ("study", "difference", "words"),
    [
        ("digits_demo", -1.0, "--show -1: is no difference; give one above 0"),
        ("digits_search", 1.0, "--show: digits_search has no tables"),
    ],
)
def test_what_is_no_question_is_refused(study: str, difference: float, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Study.load(study).plan(show=difference)
