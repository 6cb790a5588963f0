"""Ranges that end too soon."""

from analysis.report.section import Section


def test_a_range_that_ends_too_soon_gets_a_wider_one_to_paste(whole: dict[str, Section]) -> None:
    section = whole["search-edges"]
    assert "in the study" in section.sheets[0].columns[-1].heading.lower()
    assert "hidden_units: {low: 8, high: 128, scale: log}" in section.sheets[0].columns[-1].cells
