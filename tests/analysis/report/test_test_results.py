"""What was reached on a sealed test set, in words and as a table, and how often it was opened."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.report import test_results as tested

STUDY = """\
base: {dataset: digits, hidden_units: 4, epochs: 3}
tables:
  - {factor: hidden_units, levels: [4, 8]}
final: {hidden_units: 8}
"""
HOUSES = """\
base: {dataset: house_prices, hidden_units: 4, epochs: 3, objective: mse}
splits: outer
tables:
  - {factor: hidden_units, levels: [4, 8]}
final: {hidden_units: 8}
"""


@pytest.fixture
def ran(run: Any) -> Any:
    return run(STUDY)


def cells(sheet: Any) -> dict[str, tuple[str, ...]]:
    return {column.heading: column.cells for column in sheet.columns}


def test_an_opening_is_a_line_for_each_configuration(ran: Any, opened: Any) -> None:
    opening = opened(ran, [95.0, 96.0, 97.0])
    rival = replace(opening.tested[0], roles=("chosen",), label="hidden_units, 4", metrics=(96.5, 96.5, 96.5))
    assert tested.in_words(replace(opening, tested=[*opening.tested, rival])) == [
        "final, declared (Final configuration): test accuracy 96.00 ± 2.48%, n = 3, digits",
        "final, chosen by validation (hidden_units, 4): test accuracy 96.50 ± 0.00%, n = 3, digits",
    ]


def test_repeated_test_sets_are_counted(run: Any, opened: Any) -> None:
    opening = opened(run(HOUSES), [30_000.4, 34_000.0, 32_000.0])
    (line,) = tested.in_words(opening)
    assert line.startswith("final, declared (Final configuration): test RMSE 32,000 ± ")
    assert line.endswith(" dollars, n = 3, 3 test sets of House prices")
    sheet = tested.tested_sheet("final", [opening])
    assert sheet is not None
    assert cells(sheet)["Each replicate"] == ("30,000, 34,000, 32,000",)
    assert cells(sheet)["Test RMSE (dollars)"][0].startswith("32,000 ± ")


def test_the_last_opening_with_numbers_is_shown(ran: Any, opened: Any) -> None:
    first = opened(ran, [95.0, 96.0, 97.0])
    second = opened(ran, [94.0, 94.0, 94.0], at="2026-02-02T08:00:00+00:00", roles=("declared", "chosen"))
    begun = opened(ran, [], at="2026-02-03T08:00:00+00:00")
    sheet = tested.tested_sheet("final", [first, second, begun])
    assert sheet is not None
    assert sheet.name == "final-test"
    assert cells(sheet) == {
        "Configuration": ("Final configuration (declared and chosen by validation)",),
        "Test Accuracy (%)": ("94.00 ± 0.00%",),
        "Test Loss": ("0.1100 ± 0.0248",),
        "n": ("3",),
        "Each replicate": ("94.00, 94.00, 94.00",),
    }
    assert sheet.caption[0] == "Opened 2026-02-02 08:00 UTC."
    assert tested.tested_sheet("final", [begun]) is None
    assert tested.tested_sheet("another", [first]) is None


@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_what_is_not_finite_says_so(ran: Any, opened: Any, lost: float) -> None:
    opening = opened(ran, [95.0, lost, 97.0], losses=(0.1, 0.2, lost))
    assert tested.in_words(opening)[0].startswith(
        "final, declared (Final configuration): test accuracy not finite in 1 of 3, n = 3"
    )
    sheet = tested.tested_sheet("final", [opening])
    assert sheet is not None
    assert cells(sheet)["Test Accuracy (%)"] == ("not finite in 1 of 3",)
    assert cells(sheet)["Test Loss"] == ("not finite in 1 of 3",)
    assert cells(sheet)["Each replicate"] == ("95.00, not finite, 97.00",)


def test_an_interval_of_accuracies_ends_at_100_percent(ran: Any, opened: Any) -> None:
    sheet = tested.tested_sheet("final", [opened(ran, [99.0, 99.9, 100.0])])
    assert sheet is not None
    assert cells(sheet)["Test Accuracy (%)"] == ("99.63% (98.27 to 100.00)",)


def test_openings_are_counted(ran: Any, opened: Any) -> None:
    assert tested.openings_in_words("small", []) == [
        "This study has not opened its test set; `ablatune evaluate` opens it, once."
    ]
    first = opened(ran, [95.0, 96.0, 97.0])
    assert tested.openings_in_words("small", [first]) == [
        "Test sets of digits were opened once by this study, once by all studies in this ledger."
    ]
    other = opened(ran, [95.0, 96.0, 97.0], study="other", at="2026-02-02")
    begun = opened(ran, [], at="2026-02-03")
    assert tested.openings_in_words("small", [first, other, begun]) == [
        "Test sets of digits were opened twice by this study, 3 times by all studies in this ledger. Each opening "
        "after the first makes these numbers less of a test.",
        "1 opening ended without numbers.",
    ]


def test_test_sets_of_others_do_not_count(ran: Any, opened: Any) -> None:
    first = opened(ran, [95.0, 96.0, 97.0])
    elsewhere = replace(opened(ran, [1.0, 1.0, 1.0], study="other", at="2026-02-02"), test_sets={"usps": "another"})
    assert "once by all studies" in tested.openings_in_words("small", [first, elsewhere])[0]


def test_an_opening_of_another_study_counts_even_if_it_ended_early(ran: Any, opened: Any) -> None:
    opened(ran, [95.0, 96.0, 97.0])
    opened(ran, [], study="another", at="2026-02-02")
    (words,) = tested.openings_in_words("small", ran.evidence.openings)
    assert "opened once by this study, twice by all" in words


def test_what_validation_chose_over_repeated_test_sets_is_said_to_have_seen_them(run: Any, opened: Any) -> None:
    opening = opened(run(HOUSES), [30_000.4, 34_000.0, 32_000.0])
    (words,) = tested.openings_in_words("small", [opening])
    assert "chosen with knowledge of them" in words
