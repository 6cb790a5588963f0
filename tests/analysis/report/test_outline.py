"""The sections of a report: their order, and what each says of stages, final configurations and published numbers."""

from typing import Any

import pytest

from analysis.published.reproduction import reproduction_of
from analysis.report.outline import sections_of
from analysis.report.section import Section
from analysis.tables.columns import table_sheet
from tune_jobs.trial.config import TrialConfig

STUDY = """\
fresh_seeds: 2
splits: validation
base: {dataset: digits, hidden_units: 4, epochs: 3}
figures: [losses, curves, calibration]
stages:
  - {name: width, title: Hidden units, factor: hidden_units, levels: [4, 8]}
  - {name: rate, title: Learning rate, factor: learning_rate, levels: [0.001, 0.1]}
tables:
  - {title: Activation, factor: activation, levels: [relu, tanh]}
final:
  - {name: narrow, title: A narrow one, set: {hidden_units: 2}}
  - {name: wide, title: A wide one, set: {hidden_units: 16}}
"""
PUBLISHED = """\
source: A report
tables:
  - {table: activation, columns: {validation_metric: 2}, rows: {ReLU: [97], Tanh: [50]}}
values:
  - {table: path, level: Hidden units, quantity: validation_metric, value: 94, decimals: 0}
  - {table: path_fresh, level: Hidden units, quantity: validation_metric, value: 94, decimals: 0}
  - {table: wide, level: Final configuration, quantity: test_metric, value: 94, decimals: 0}
statements:
  - {quote: It is so., because: nobody knows}
"""


def accuracy(config: TrialConfig) -> float:
    return 90.0 + config.hidden_units / 2 - 5 * (config.learning_rate == 0.1) + 0.1 * (config.seed % 7)


@pytest.fixture
def ran(run: Any, fate: Any) -> Any:
    return run(STUDY, fates=lambda config: fate(last=accuracy(config)))


def sections(ran: Any) -> dict[str, Section]:
    evidence = ran.evidence
    return {section.name: section for section in sections_of(evidence, reproduction_of(evidence))}


def test_tables_come_before_the_path_its_stages_and_the_final_configurations(ran: Any) -> None:
    found = sections(ran)
    assert [(section.name, section.title) for section in found.values()] == [
        ("activation", "Activation"),
        ("path", "The path of the stages"),
        ("width", "Stage: Hidden units"),
        ("rate", "Stage: Learning rate"),
        ("narrow", "A narrow one"),
        ("wide", "A wide one"),
    ]


def test_figures_that_can_be_drawn_have_names_of_their_own(ran: Any) -> None:
    found = sections(ran)
    assert [picture.name for picture in found["activation"].pictures] == ["activation", "activation-curves"]
    assert [picture.name for picture in found["path"].pictures] == ["path"]
    assert all(picture.caption for section in found.values() for picture in section.pictures)
    assert [sheet.name for sheet in found["path"].sheets] == ["path"]
    assert found["path"].pictures[0].figure.axes[0].get_ylabel() == "Validation Accuracy (%)"


def test_a_stage_says_what_it_settled_on(ran: Any) -> None:
    found = sections(ran)
    assert found["width"].paragraphs == ["Chosen: 8, with the best validation mean of 2 levels."]
    assert found["rate"].paragraphs == ["None of the 2 levels was better than the stage's start, which was kept."]


def test_stages_to_come_are_left_out(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("missing") if config.hidden_units == 8 else fate(last=accuracy(config))

    found = sections(run(STUDY, fates=fates))
    assert found["width"].paragraphs == ["Nothing chosen yet."]
    assert "rate" not in found


def test_a_study_without_stages_has_no_path(run: Any) -> None:
    tables = "base: {dataset: digits, epochs: 3}\ntables:\n  - {factor: activation, levels: [relu, tanh]}\n"
    assert list(sections(run(tables))) == ["activation"]


def test_a_final_configuration_says_what_it_sets_and_reached(ran: Any, opened: Any) -> None:
    opened(ran, [95.0, 96.0, 97.0], final="wide")
    found = sections(ran)
    assert ("Hidden Layer Size", "16") in {(fact.name, fact.value.split()[0]) for fact in found["wide"].facts}
    assert not any("plit" in fact.name for fact in found["wide"].facts), "each replicate has its own"
    for name in ("narrow", "wide"):
        assert "were opened once by this study" in found[name].paragraphs[0]
    assert [sheet.name for sheet in found["wide"].sheets] == ["wide-test"]
    assert found["narrow"].sheets == []


def test_numbers_of_varied_configurations_are_not_shown(ran: Any, opened: Any) -> None:
    opened(ran, [95.0, 96.0, 97.0], final="wide", epochs=(1, 1, 1))
    section = sections(ran)["wide"]
    assert "were opened once by this study" in section.paragraphs[0], "but they count"
    assert section.sheets == []


def test_published_numbers_stand_in_the_tables_of_their_rows(ran: Any, publish: Any) -> None:
    found = sections(publish(ran, PUBLISHED))
    view = found["activation"].view
    assert view is not None
    columns = {column.heading: column.cells for column in table_sheet(view).columns}
    published = "Published validation accuracy (%)"
    assert columns[published][1] == "≠ 50.00"
    assert list(columns).index("Validation Accuracy (%)") < list(columns).index(published)
    assert not found["activation"].sheets
    assert [sheet.name for sheet in found["path"].sheets] == ["path", "path-published", "path_fresh-published"]
    wide = found["wide"].view
    assert wide is not None
    assert "Published test accuracy (%)" in [column.heading for column in table_sheet(wide).columns]


def test_the_published_section_sums_up_and_lists_what_differs(ran: Any, publish: Any) -> None:
    *_, last = sections(publish(ran, PUBLISHED)).values()
    assert last.title == "Comparison with published results"
    assert last.paragraphs[0] == "Published: A report."
    assert last.paragraphs[1].startswith("Of 5 published numbers, 2 agree, 2 differ, 1 is not comparable")
    assert "Of 1 sentence: 1 is not tested." in last.paragraphs
    assert [sheet.name for sheet in last.sheets] == ["published-differs", "statements"]
    assert len(last.sheets[0].rows) == 2
    assert len(last.frames["published"]) == 5
