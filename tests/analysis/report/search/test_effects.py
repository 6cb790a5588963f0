"""What a search says about the tables of its study."""

from analysis.report.section import Section


def test_a_table_is_warned_of_when_its_factor_was_shown_to_depend_on_another(whole: dict[str, Section]) -> None:
    pairs = whole["search-pairs"].sheets[0]
    verdicts = {frozenset(cell.partition(":")[0] for cell in row[:2]): row[-2] for row in pairs.rows}
    acting = frozenset({"Learning Rate", "Hidden Layer Size"})
    assert {pair for pair, verdict in verdicts.items() if verdict == "it depends"} == {acting}
    assert whole["hidden_units"].paragraphs == [
        "What this table says about Hidden Layer Size depends on Learning Rate, which it keeps fixed: the factorial "
        "after the search shows that the two interact (see “Interactions”)."
    ]
