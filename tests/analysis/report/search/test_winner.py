"""The winner of a search: how it was chosen, and its estimate."""

from typing import Any

from analysis.report.section import Section


def test_the_winner_is_said_to_be_flattered_and_estimated_again(whole: dict[str, Section]) -> None:
    section = whole["search-winner"]
    assert section.view is not None
    assert section.view.lines[0].is_default
    words = " ".join(section.paragraphs)
    assert "won: it has the best mean of" in words
    assert "3 fresh seeds." in words
    first = section.paragraphs[0]
    assert first.index("fresh seeds") < first.index("which is optimistic")
    assert any("its own is optimistic" in words for words in section.view.caption)
    assert "differ by selection bias and by chance" in words
    settings = next(sheet for sheet in section.sheets if sheet.name == "search-settings")
    changed = {row[0]: row for row in settings.rows if row[2]}
    assert "Learning Rate" in changed
    assert changed["Learning Rate"][2] == "0.001"


def test_a_default_that_won_has_no_path(run_search: Any, fate: Any, search_study: str, sections: Any) -> None:
    ran = run_search(search_study, fates=lambda config: fate(last=99.0 if config.learning_rate == 0.001 else 50.0))
    found = sections(ran)
    assert any("the default won" in words for words in found["search-winner"].paragraphs)
    assert "search-path" not in found


def test_the_best_trials_lead_with_their_fresh_seeds(whole: dict[str, Section]) -> None:
    best = next(sheet for sheet in whole["search"].sheets if sheet.name == "search-best")
    heads = [column.heading for column in best.columns]
    fresh = heads.index("Accuracy with fresh seeds")
    assert heads[fresh + 1] == "Validation Accuracy (%) in the search, optimistic"
    compared = [row for row in best.rows if row[fresh]]
    assert len(compared) == 3
    assert all("±" in row[fresh] for row in compared)
    first = whole["search-winner"].paragraphs[0]
    assert sum(row[fresh] in first for row in compared) == 1
