"""The path of a staged study as a table: what each stage chose and gained, as far as it is known."""

import re
from typing import Any

import pytest

from analysis.report.stage_path import metric_of, path_of, path_sheet, unit_of
from analysis.statistics.comparisons import BETTER
from analysis.statistics.waterfall import KEPT
from tune_jobs.trial.config import TrialConfig

STUDY = """\
fresh_seeds: 3
base: {dataset: digits, hidden_units: 4, epochs: 3}
stages:
  - {name: width, title: Hidden units, factor: hidden_units, levels: [4, 8]}
  - {name: rate, title: Learning rate, factor: learning_rate, levels: [0.001, 0.1]}
"""
FIRST_FRESH = 100_000


def accuracy(config: TrialConfig) -> float:
    width, luck = 90.0 + config.hidden_units / 2, 0.1 * (config.seed % 7)
    # More than a row apart, as differences that vary by less have no spread.
    luck += 0.3 * (config.seed % 3 - 1) * (width > 92)
    return width - 5 * (config.learning_rate == 0.1) + luck


@pytest.fixture(scope="module")
def staged(run: Any, fate: Any) -> Any:
    return run(STUDY, fates=lambda config: fate(last=accuracy(config)))


def cells(sheet: Any) -> dict[str, tuple[str, ...]]:
    return {column.heading: column.cells for column in sheet.columns}


def test_each_stage_is_a_line_with_its_choice_and_its_gains(staged: Any) -> None:
    evidence = staged.evidence
    path = path_of(evidence)
    assert path is not None
    assert path.complete
    assert [step.verdict for step in path.steps] == [BETTER, KEPT]
    found = cells(path_sheet(path, evidence))
    assert found["Stage"] == ("Hidden units", "Learning rate")
    assert found["Chosen"] == ("8", "as before")
    assert found["of levels"] == ("2", "2")
    assert found["Gain, fresh seeds (points)"][1] == "0"
    assert found["Gain, fresh seeds (points)"][0].startswith("+2.0")
    assert re.fullmatch(r"\+2\.00 ± 0\.\d\d", found["Gain, seeds that chose (points)"][0])
    assert found["Verdict"] == ("better", "kept")
    assert (metric_of(evidence), unit_of(evidence)) == ("accuracy", "%")


def test_the_start_is_in_the_caption(staged: Any) -> None:
    evidence = staged.evidence
    path = path_of(evidence)
    assert path is not None
    assert re.match(r"Start: 92\.\d\d ± \d\.\d\d%, 3 fresh seeds\.", path_sheet(path, evidence).caption[0])


def test_errors_have_the_unit_of_the_target_and_gain_by_falling(run: Any, fate: Any) -> None:
    text = STUDY.replace("digits", "diabetes").replace("epochs: 3", "epochs: 3, objective: mse")
    ran = run(text, fates=lambda config: fate(last=150 - accuracy(config)))
    path = path_of(ran.evidence)
    assert path is not None
    assert path.steps[0].gain.mean > 0
    sheet = path_sheet(path, ran.evidence)
    assert "Validation RMSE (progression units)" in cells(sheet)
    assert cells(sheet)["Gain, fresh seeds (progression units)"][0].startswith("+2.0")
    assert " progression units, 3 fresh seeds" in sheet.caption[0]


def test_one_fresh_seed_has_no_interval(run: Any, fate: Any) -> None:
    ran = run(STUDY.replace("fresh_seeds: 3", "fresh_seeds: 1"), fates=lambda config: fate(last=accuracy(config)))
    path = path_of(ran.evidence)
    assert path is not None
    sheet = path_sheet(path, ran.evidence)
    assert sheet.caption[0].endswith("%, 1 fresh seed.")
    assert "±" not in cells(sheet)["Gain, fresh seeds (points)"][0]
    assert cells(sheet)["Verdict"] == ("no clear difference", "kept")


def test_a_fresh_seed_that_diverged_leaves_no_gain(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        bad = config.seed == FIRST_FRESH and config.hidden_units == 8
        return fate("diverged", epochs=1) if bad else fate(last=accuracy(config))

    evidence = run(STUDY, fates=fates).evidence
    path = path_of(evidence)
    assert path is not None
    found = cells(path_sheet(path, evidence))
    assert found["Validation Accuracy (%)"] == ("diverged in 1 of 3",) * 2
    assert found["Gain, fresh seeds (points)"] == ("–", "–")
    assert found["Gain, seeds that chose (points)"][0].startswith("+2.00")
    assert found["Verdict"] == ("diverged in 1 of 3",) * 2


def test_without_fresh_seeds_there_is_no_path_yet(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("missing") if config.seed >= FIRST_FRESH else fate(last=accuracy(config))

    assert path_of(run(STUDY, fates=fates).evidence) is None


def test_a_stage_without_fresh_seeds_in_common_with_the_start_is_not_known_yet(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        begun = config.seed == (FIRST_FRESH if config.hidden_units == 4 else FIRST_FRESH + 1)
        return fate(last=accuracy(config)) if begun or config.seed < FIRST_FRESH else fate("missing")

    path = path_of(run(STUDY, fates=fates).evidence)
    assert path is not None
    assert path.steps == ()
    assert path.start.n == 1
    assert not path.complete


def test_a_stage_that_has_not_settled_ends_the_path(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("missing") if config.learning_rate == 0.1 else fate(last=accuracy(config))

    evidence = run(STUDY, fates=fates).evidence
    path = path_of(evidence)
    assert path is not None
    assert [step.label for step in path.steps] == ["Hidden units"]
    assert path_sheet(path, evidence).rows[0][:3] == ("Hidden units", "8", "2")
