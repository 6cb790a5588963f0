"""What more trials would bring, in the report of a search."""

from typing import Any

from analysis.report.section import Section


def test_the_table_ends_at_twice_the_trials_and_leaves_open_what_is_not_known(whole: dict[str, Section]) -> None:
    section = whole["search-more"]
    rows = section.sheets[0].rows
    count = int(rows[-1][0]) // 2
    assert [int(row[0]) for row in rows] == [1, 2, 4, 8, 16, count, 2 * count]
    assert rows[-1][2] == "–"
    assert rows[-1][4].endswith("to open")
    assert "open" not in rows[0][4]
    medians = [float(row[3]) for row in rows]
    assert medians == sorted(medians)


def test_words_say_what_holds(whole: dict[str, Section]) -> None:
    words = " ".join(whole["search-more"].paragraphs)
    assert "beat the best of them with a chance of 50%" in words
    assert "no random sample" in words
    assert "counts with what it had reached" in words


def test_of_a_sampler_that_learns_only_the_first_points_count(
    run_search: Any, fate: Any, search_study: str, accuracy: Any, sections: Any
) -> None:
    text = search_study.replace("sampler: random", "sampler: tpe")
    ran = run_search(text, fates=lambda config: fate(last=accuracy(config)), follow=False, trials=14)
    section = sections(ran)["search-more"]
    assert section.paragraphs[0].startswith(("7 trials of the search were drawn", "8 trials of the search were drawn"))


def test_a_few_random_trials_say_nothing(
    run_search: Any, fate: Any, search_study: str, accuracy: Any, sections: Any
) -> None:
    text = search_study.replace("{trials: 30}", "{trials: 5}")
    ran = run_search(text, fates=lambda config: fate(last=accuracy(config)), follow=False)
    assert "search-more" not in sections(ran)
