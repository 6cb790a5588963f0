"""The sections of a study with a search."""

import re
from pathlib import Path
from typing import Any

import pytest

from analysis.frames.search_frames import AUDITED, SURVIVED, course, goal_of, search_curves, search_frame
from analysis.report.report import write_report
from analysis.report.section import Section
from tune_jobs.errors import UserError
from tune_jobs.trial.config import TrialConfig


def test_all_parts_follow_the_tables(whole: dict[str, Section]) -> None:
    assert list(whole) == [
        "hidden_units",
        "search",
        "search-audited",
        "search-more",
        "search-winner",
        "search-path",
        "search-importance",
        "search-edges",
        "search-pairs",
    ]


def test_what_was_used_is_what_the_trials_add_up_to(evidence: Any, whole: dict[str, Section]) -> None:
    goal = goal_of(evidence.standing.search)
    assert goal is not None
    frame = search_frame(evidence.standing.search, goal)
    facts = {fact.name: fact.value for fact in whole["search"].facts}
    spent = evidence.standing.search.epochs_trained
    assert facts["Used"].startswith(f"30 trials, {spent:,} epochs")
    assert facts["Used"].endswith(f"would have taken {30 * 9:,} epochs")
    assert facts["Rungs"] == "after epochs 1, 3 of 9; the best 1 in 3 of the trials that reach a rung continue"
    assert course(frame)["cumulative_epochs"].iloc[-1] == spent


def test_curves_of_stopped_trials_end_at_their_rung_unless_audited(evidence: Any) -> None:
    state = evidence.standing.search
    goal = goal_of(state)
    assert goal is not None
    ends = search_curves(state, search_frame(state, goal), goal).groupby("trial").tail(1)
    through = ends["fate"].isin([AUDITED, SURVIVED])
    assert (ends.loc[through, "epoch"] == 9).all()
    assert (ends.loc[~through, "epoch"] == ends.loc[~through, "stopped_at"]).all()


def test_only_what_is_known_is_there(
    run_search: Any, fate: Any, search_study: str, accuracy: Any, sections: Any
) -> None:
    half = run_search(search_study, fates=lambda config: fate(last=accuracy(config)), follow=False)
    found = sections(half)
    assert "search-winner" not in found
    assert "search-path" not in found
    assert "The audit has not been run yet." in found["search-audited"].paragraphs


def test_trials_that_diverge_or_fail_are_named_and_not_averaged(
    run_search: Any, fate: Any, search_study: str, accuracy: Any, sections: Any
) -> None:
    def fates(config: TrialConfig) -> Any:
        if config.learning_rate > 0.03:
            return fate("diverged", epochs=1)
        if config.seed == 0 and 0.01 < config.learning_rate <= 0.03:
            return fate("failed", epochs=0, reason="out of luck")
        return fate(last=accuracy(config))

    ran = run_search(search_study, fates=fates)
    frame = sections(ran)["search"].frames["search"]
    assert (frame["how_it_ended"] == "diverged in epoch 1").any()
    assert (frame["how_it_ended"] == "failed: out of luck").any()
    assert "search-audited" in sections(ran)


def test_a_search_without_tables_is_reported(
    run_search: Any, fate: Any, tmp_path: Path, search_study: str, accuracy: Any
) -> None:
    text = search_study.replace("tables:\n  - {title: Width, factor: hidden_units, levels: [8, 16]}\n", "")
    ran = run_search(text, fates=lambda config: fate(last=accuracy(config)), follow=False)
    written = write_report(ran.standing, tmp_path / "report")
    assert (tmp_path / "report" / "tables" / "search.csv").exists()
    assert len(written.frames["search"]) == 30
    assert "The best trials" in written.markdown.read_text()


def test_a_search_that_was_never_run_is_refused(run_search: Any, fate: Any, search_study: str) -> None:
    ran = run_search(search_study, fates=lambda config: fate("missing"), trials=0, follow=False)
    with pytest.raises(UserError, match="has none of the 6 trials of small; run it first"):
        _ = ran.evidence


def test_the_report_is_whole(searched: Any, tmp_path: Path) -> None:
    written = write_report(searched.standing, tmp_path / "report")
    assert {"search-progress", "search-curves", "search-slices", "search-audit", "search-path"} <= set(written.drawn)
    page = written.html.read_text()
    for name in written.frames:
        assert (tmp_path / "report" / "tables" / f"{name}.csv").exists()
    said = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\bnan\b", said, re.IGNORECASE)
