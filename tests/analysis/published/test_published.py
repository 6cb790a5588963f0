"""What reports printed: every shipped file fits its study, and what does not fit is named with its line."""

import re
from collections import Counter
from pathlib import Path

import pytest

from analysis.published.claims import KINDS, TESTABLE
from analysis.published.published import PRINTED, Published, load_published, published_file
from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study, shipped_studies

# Rows of the printed tables, numbers that sentences print, and sentences that claim something.
SHIPPED = {
    "martini_jamal_2026": (28, 3, 4),
    "masquil_violante_2022": (0, 9, 30),
    "di_piazza_2023": (59, 3, 29),
    "riou_san_roman": (0, 1, 21),
    "shusrith_2025": (0, 3, 22),
}
# Words that say how much, where a test says which way.
STRENGTH = re.compile(
    r"\b(way (better|more)|much|a lot|slight(ly)?|substantially|clear|marked|significant|jump|poor|exponentially|"
    r"in particular|a little|close second|sharply|underperform)\b",
    re.IGNORECASE,
)
DIRECTIONS = {"higher", "lower", "increasing", "decreasing", "gain"}
STUDY = """\
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - factor: activation
    levels: [relu, tanh]
  - name: grid
    epochs_until: 90
    cross: {hidden_layers: [1, 2], hidden_units: [4, 8]}
final: {hidden_units: 4}
"""
PUBLISHED = """\
source: A report
tables:
  - table: activation
    columns: {train_metric: 2, validation_metric: 1}
    rows:
      ReLU: [97.60, 96.5]
      Tanh: {values: [{value: 99, because: a misprint}, 95.0], because: another split}
losses: {objective: cross_entropy, conventions: [{name: as ours, shift: 0}]}
values:
  - {table: final, level: Final configuration, quantity: test_metric, value: 95.0, decimals: 2, quote: It has 95.00%.}
statements:
  - quote: ReLU is better.
    tests:
      - {higher: ReLU, than: [Tanh], table: activation, quantity: validation_metric}
"""


def read(folder: Path, published: str = PUBLISHED, study: str = STUDY) -> Published:
    (folder / "mine.yaml").write_text(study)
    (folder / "mine.published.yaml").write_text(published)
    found = load_published(load_study(str(folder / "mine.yaml")))
    assert found is not None
    return found


def test_every_shipped_study_of_a_report_has_its_numbers() -> None:
    shipped = {name for name in shipped_studies() if published_file(load_study(name))}
    assert shipped == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_printed_row_and_sentence_is_there(name: str) -> None:
    found = load_published(load_study(name))
    assert found is not None
    rows = Counter((value.table, value.level) for value in found.values if not value.quote)
    assert set(rows.values()) <= {3}, "train, validation and time of each row"
    assert (len(rows), sum(bool(v.quote) for v in found.values), len(found.statements)) == SHIPPED[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_sentence_without_a_test_says_why(name: str) -> None:
    found = load_published(load_study(name))
    assert found is not None
    assert all(statement.checks or statement.because for statement in found.statements)
    assert any(statement.checks for statement in found.statements)


@pytest.mark.parametrize("name", SHIPPED)
def test_words_of_strength_are_said_to_be_tested_as_a_direction(name: str) -> None:
    found = load_published(load_study(name))
    assert found is not None
    strong = [
        statement
        for statement in found.statements
        if STRENGTH.search(statement.quote) and any(check.kind in DIRECTIONS for check in statement.checks)
    ]
    assert strong or name == "martini_jamal_2026"
    assert [one.quote for one in strong if "only the direction is tested" not in one.says] == []


def test_the_final_configuration_must_beat_every_printed_row() -> None:
    found = load_published(load_study("martini_jamal_2026"))
    assert found is not None
    (check,) = next(one for one in found.statements if "best validation accuracy" in one.quote).checks
    compared = {(place.table, place.level) for place in check.than}
    printed = {(value.table, value.level) for value in found.values if value.table != "final_usps"}
    default = {(table, level) for table, level in printed if is_default(found, table, level)}
    assert compared == printed - default | {("learning_rate", "0.001")}


def is_default(found: Published, table: str, level: str) -> bool:
    """Return whether a row prints the default's numbers, which stand in all eight tables."""
    own = [value.value for value in found.values if (value.table, value.level) == (table, level)]
    return own[:2] == [99.08, 97.44]


def test_the_best_epoch_is_not_compared_with_the_last_of_its_trajectory(tmp_path: Path) -> None:
    study = STUDY.replace(
        "levels: [relu, tanh]", "levels: [relu, tanh, {label: best, value: relu, read: best}]"
    ).replace("factor: activation", "factor: activation\n    name: activation")
    assert read(tmp_path, study=study).statements
    for old, new in (("than: [Tanh]", "than: [best]"), ("than: [Tanh]", "than: [Tanh, best]")):
        with pytest.raises(
            UserError, match=r"line 14: .*best is read at the best epoch and ReLU at the last epoch of the same"
        ):
            read(tmp_path, PUBLISHED.replace(old, new), study)
    other = PUBLISHED.replace("than: [Tanh]", "than: [best]").replace(
        "quantity: validation_metric}", "quantity: train_loss}"
    )
    assert read(tmp_path, other, study).statements, "the train loss chose no epoch"
    tanh = PUBLISHED.replace("{higher: ReLU, than: [Tanh]", "{higher: Tanh, than: [best]")
    assert read(tmp_path, tanh, study).statements, "of another trajectory"


def test_the_registries_are_not_empty() -> None:
    assert KINDS
    assert set(PRINTED) < set(TESTABLE)


def test_a_study_of_ones_own_has_its_numbers_beside_it(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert [value.value for value in found.values] == [97.6, 96.5, 99, 95, 95]
    assert found.values[0].tolerance == pytest.approx(0.005)
    assert found.values[1].tolerance == pytest.approx(0.05)
    assert found.values[2].because == "another split; a misprint"
    assert found.values[3].because == "another split"


def test_a_study_without_numbers_has_no_comparison(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY)
    assert load_published(load_study(str(path))) is None
    # A file of one's own is not taken for the shipped study of that name.
    namesake = tmp_path / "di_piazza_2023.yaml"
    namesake.write_text(STUDY)
    assert load_published(load_study(str(namesake))) is None


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "table: activation\n    col",
            "table: activaton\n    col",
            3,
            "no table 'activaton'; did you mean activation?",
        ),
        ("Tanh: {", "Than: {", 7, "no level in table activation 'Than'; did you mean Tanh?"),
        ("train_metric: 2", "train_metrics: 2", 4, "no quantity 'train_metrics'; did you mean train_metric?"),
        ("[97.60, 96.5]", "[97.60]", 6, "has 1 values for 2 columns"),
        ("[97.60, 96.5]", "[97.60, 96.55]", 6, "96.55 has more than the 1 decimals"),
        ("[97.60, 96.5]", "[97.60, high]", 6, "'high' is not a number"),
        ("train_metric: 2", "train_metric: 2.5", 4, "2.5 is not a number of decimals"),
        ("train_metric: 2", "test_metric: 2", 6, "only final configurations have test results, activation is none"),
        ("objective: cross", "objective: gross", 8, "gross_entropy"),
        ("name: as ours, ", "", 8, "lacks `name`"),
        ("quote: It", "cite: It", 10, "no key 'cite'"),
        ("quote: ReLU is better.", "says: better", 12, "has no `quote`"),
        ("higher: ReLU", "higer: ReLU", 14, "has 0 kinds of test; give one of higher"),
        ("than: [Tanh]", "than: [Tnh]", 14, "no level in table activation 'Tnh'"),
        (", than: [Tanh]", "", 14, "lacks `than`"),
        ("quantity: validation_metric}", "quantity: speed}", 14, "no quantity 'speed'"),
        ("{higher: ReLU, than: [Tanh]", "{higher: ReLU, margin: 1, than: [Tanh]", 14, "no key 'margin'"),
        ("{higher: ReLU, than: [Tanh]", "{ratio: [ReLU, Tanh], about: 0, within: 2", 14, "0 is not above 0"),
        (
            "{higher: ReLU, than: [Tanh]",
            "{equivalent: [ReLU, Tanh]",
            14,
            "takes one of margin, relative_margin, 0 given",
        ),
        ("{higher: ReLU, than: [Tanh]", "{increasing: [ReLU]", 14, "increasing takes at least 2 levels, 1 given"),
        ("quantity: validation_metric}", "quantity: epochs_until}", 14, "has no target to count epochs to"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in PUBLISHED
    with pytest.raises(UserError) as caught:
        read(tmp_path, PUBLISHED.replace(old, new, 1))
    assert f"mine.published.yaml, line {line}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_value_is_given_once(tmp_path: Path) -> None:
    twice = PUBLISHED.replace(
        "values:\n  - ",
        "values:\n  - {table: activation, level: ReLU, quantity: train_metric, value: 1, decimals: 0}\n  - ",
        1,
    )
    with pytest.raises(UserError, match=r"line 10: .*activation, ReLU, train_metric is given twice"):
        read(tmp_path, twice)


def test_a_star_names_the_cells_of_a_crossed_table(tmp_path: Path) -> None:
    test = '{higher: "*, 8", than: ["*, 4"], table: grid, quantity: epochs_until}'
    text = PUBLISHED[: PUBLISHED.index("      - {higher")] + f"      - {test}\n"
    (check,) = read(tmp_path, text).statements[0].checks
    labels = [("1", "4"), ("1", "8"), ("2", "4"), ("2", "8")]
    assert check.subjects[0].cells(labels) == {("1",): "1, 8", ("2",): "2, 8"}
    with pytest.raises(UserError, match=r"no level in table grid '\*, 16'"):
        read(tmp_path, text.replace("*, 8", "*, 16"))
