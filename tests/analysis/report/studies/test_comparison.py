"""Several studies: which rows are beside each other, and how they are compared."""

from typing import Any

import pytest

from analysis.report.studies.comparison import (
    PAIRED,
    WELCH,
    compared_studies,
    comparison_sheets,
    forest_groups,
    refusals,
)
from analysis.report.studies.matching import StudyRows, rows_of_study, shared_rows
from analysis.report.studies.page import write_studies_report
from analysis.tables.sheet import Sheet
from tune_jobs.trial.config import TrialConfig

WIDTH = """\
title: Widths
base: {dataset: digits, hidden_units: 8, epochs: 2, dropout: %s}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
"""
RATE = """\
title: <b>Rates</b>
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""
REGRESSION = """\
title: A regression
base: {dataset: diabetes, objective: mse, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8]}
"""


@pytest.fixture(scope="module")
def of(run: Any, fate: Any) -> Any:
    """Return a function that runs a study; dropout costs 10 points."""

    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (5 + config.hidden_units + int(4 * config.dropout))) % 5 * 0.3
        return fate(last=90.0 - 10.0 * bool(config.dropout) + noise)

    return lambda text, seeds=5: rows_of_study(run(text, seeds=seeds, fates=fates).evidence)


def rows(sheet: Sheet) -> dict[str, dict[str, str]]:
    """The cells of a sheet by its first column and by heading; of equal headings the last."""
    headings = [column.heading for column in sheet.columns]
    return {row[0]: dict(zip(headings, row, strict=True)) for row in sheet.rows}


def compared(*studies: StudyRows) -> dict[str, dict[str, str]]:
    (sheet,) = comparison_sheets(compared_studies(studies))
    return rows(sheet)


def test_rows_with_the_same_configuration_stand_beside_each_other_once(of: Any) -> None:
    studies = [of(WIDTH % 0.0), of(RATE)]
    (subject,) = set(studies[0].subjects) & set(studies[1].subjects)
    (beside,) = shared_rows(studies, subject)
    assert [row.label for row in beside] == ["default", "default"]
    found = compared(*studies)
    assert set(found) == {"default"}
    assert found["default"]["How"] == "the same trainings"


def test_defaults_that_differ_are_compared_and_their_difference_named(of: Any) -> None:
    studies = [of(WIDTH % 0.0), of(WIDTH % 0.5)]
    (sheet,) = comparison_sheets(compared_studies(studies))
    cells = rows(sheet)["each study's default"]
    assert cells["How"] == PAIRED
    assert cells["small against small (points)"].endswith(", worse")
    assert sheet.caption[0] == "The default of small is that of small with dropout=0.5."
    assert set(rows(sheet)) == {"each study's default"}


def test_other_seeds_are_compared_by_welchs_test(of: Any) -> None:
    cells = compared(of(WIDTH % 0.0, 5), of(WIDTH % 0.5, 3))["each study's default"]
    assert cells["How"] == WELCH
    assert "worse" in cells["small against small (points)"]


def test_rows_that_share_some_trainings_are_not_tested(of: Any) -> None:
    found = compared(of(WIDTH % 0.0, 5), of(WIDTH % 0.0, 3))
    assert {cells["How"] for cells in found.values()} == {"share 3 trainings: no test"}
    assert set(found) == {"default", "hidden layer size 4", "hidden layer size 16"}


def test_what_cannot_be_compared_is_said_plainly_and_both_are_shown(of: Any, run: Any, tmp_path: Any) -> None:
    one, other = of(RATE), of(REGRESSION)
    assert comparison_sheets(compared_studies([one, other])) == []
    (line,) = refusals([one, other])
    assert line.startswith(
        "small and small cannot be compared: the first shows Validation Accuracy (%) on digits, the "
    )
    report = write_studies_report([one.evidence.standing, other.evidence.standing], tmp_path / "both")
    page, text = report.html.read_text(), report.markdown.read_text()
    for shown in (page, text):
        assert "cannot be compared" in shown
        assert "No two of these studies share a row." in shown
        assert "<b>Rates" not in shown
    assert "&lt;b&gt;Rates" in page
    assert page.count("<table>") == 2
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["index.html", "report.md"]


def test_each_studys_findings_come_first_then_the_comparison_then_the_tables(of: Any, tmp_path: Any) -> None:
    studies = [of(WIDTH % 0.0), of(WIDTH % 0.5)]
    report = write_studies_report([one.evidence.standing for one in studies], tmp_path)
    for path in (report.html, report.markdown):
        text = path.read_text()
        assert text.rindex("test set has not been opened") < text.rindex("small with dropout=0.5")
        assert text.rindex("small with dropout=0.5") < text.index("Width", text.rindex("Tables of small"))
    assert len(report.shared) == 1


def test_every_two_studies_that_share_a_row_are_compared_and_drawn(of: Any, tmp_path: Any) -> None:
    studies = [of(RATE), of(WIDTH % 0.5, 5), of(WIDTH % 0.5, 3), of(WIDTH % 0.25, 5)]
    found = compared_studies(studies)
    means, pairs = comparison_sheets(found)
    assert "How" not in [column.heading for column in means.columns]
    assert means.caption[-1] == (
        "Not tested, since what rows share cannot differ: small against small in 4 rows (share 3 trainings)."
    ), "of the second and the third study alone"
    defaults = [row for row in pairs.rows if row[1] == "each study's default"]
    assert len(defaults) == 5
    assert sum(row[2].endswith("worse") for row in defaults) == 3, "each with dropout against the one without"
    groups = forest_groups(found)
    drawn = [(row.label, row.verdict) for group in groups for row in group.rows]
    assert len(drawn) == len(pairs.rows)
    report = write_studies_report([one.evidence.standing for one in studies], tmp_path)
    page = report.html.read_text()
    assert page.count("<svg ") == 1
    assert "(figures/differences.png)" in report.markdown.read_text()
    assert (tmp_path / "figures" / "differences.png").stat().st_size > 1000
    again = write_studies_report([one.evidence.standing for one in studies], tmp_path / "again")
    assert again.html.read_bytes() == report.html.read_bytes()


def test_without_a_test_there_is_no_figure(of: Any, tmp_path: Any) -> None:
    studies = [of(WIDTH % 0.0), of(RATE)]
    assert forest_groups(compared_studies(studies)) == []
    report = write_studies_report([one.evidence.standing for one in studies], tmp_path)
    assert "<svg" not in report.html.read_text()
    assert not (tmp_path / "figures").exists()
