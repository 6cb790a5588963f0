"""The report of a search whose trials are judged by several seeds."""

from typing import Any

import pytest

from analysis.frames.search_frames import goal_of, search_frame
from analysis.report.section import Section
from tune_jobs.standing.search.words import search_in_words


@pytest.fixture(scope="module")
def raced(run_search: Any, fate: Any, search_study: str, accuracy: Any) -> Any:
    text = search_study.replace("  audit: 6", "  audit: 6\n  replicates: 3").replace(
        "interactions: 10", "interactions: 0"
    )
    return run_search(text, fates=lambda config: fate(last=accuracy(config)))


@pytest.fixture(scope="module")
def found(raced: Any, sections: Any) -> dict[str, Section]:
    return sections(raced)  # type: ignore[no-any-return]


def test_replicates_are_counted_and_their_epochs_add_up(raced: Any, found: dict[str, Section]) -> None:
    state = raced.standing.search
    facts = {fact.name: fact.value for fact in found["search"].facts}
    goal = goal_of(state)
    assert goal is not None
    frame = search_frame(state, goal)
    drawn = frame[frame["number"] >= 0]
    assert facts["Used"].startswith(f"30 trials, {drawn['seeds'].sum()} replicates, {state.epochs_trained:,} epochs")
    assert facts["Replicates"].startswith("at a rung, a trial that is not clearly behind gets up to 3 seeds")
    assert set(drawn["seeds"]) >= {1, 3}
    assert "judged by its mean over up to 3 seeds, on the same split" in found["search"].paragraphs[0]
    assert "seeds_trained" in found["search"].frames["search"].columns


def test_the_caption_of_the_curves_says_which_seed_they_show(found: dict[str, Section]) -> None:
    curves = next(one for one in found["search"].pictures if one.name == "search-curves")
    assert "of all trials of the search, with seed 0 alone" in curves.caption


def test_the_audit_trains_all_seeds_of_a_trial(raced: Any, found: dict[str, Section]) -> None:
    rows = [row for row in raced.standing.rows if row.table == "search-audit" or row.seeds == (0, 1, 2)]
    assert rows
    audited = found["search"].frames["search"].query("audited")
    assert len(audited) > 0
    assert audited["validation_at_full_length"].notna().all()
    means = [raced.standing.search.final_score(raced.standing.search.trials[number]) for number in audited["trial"]]
    assert list(audited["validation_at_full_length"]) == pytest.approx(means)


def test_the_best_are_means_and_the_standing_says_so(raced: Any, found: dict[str, Section]) -> None:
    best = next(sheet for sheet in found["search"].sheets if sheet.name == "search-best")
    assert best.caption[0].startswith("Each trial is the mean of 3 seeds")
    assert "search-winner" in found
    state, after = raced.standing.search, raced.standing.follow_up
    lines = search_in_words(state, after)
    assert any(line.startswith("replicates: at a rung") and line.endswith("so far") for line in lines)
