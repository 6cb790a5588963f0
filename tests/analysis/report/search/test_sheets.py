"""A search's tables: all trials as CSV, and the audit."""

from typing import Any

from analysis.frames.search_frames import audit_frame, goal_of, search_frame
from analysis.report.section import Section


def test_every_trial_is_in_the_csv_with_its_end(evidence: Any, whole: dict[str, Section]) -> None:
    frame = whole["search"].frames["search"]
    assert len(frame) == len(evidence.standing.search.all)
    stopped = frame[frame["stopped_at_epoch"].notna()]
    assert len(stopped) == len(evidence.standing.search.stopped) > 0
    assert (stopped["epochs"] == stopped["stopped_at_epoch"]).all(), "what the audit has added is not the search's"
    assert (stopped["rank_at_rung"] <= stopped["reached_rung"]).all()
    assert stopped["validation_at_full_length"].notna().sum() == stopped["audited"].sum() == 6
    ended = frame[frame["stopped_at_epoch"].isna()]
    assert (ended["epochs"] == 9).all()
    assert ended["validation_at_full_length"].notna().all()


def test_the_audit_knows_of_every_trial_of_the_search_and_of_no_row_of_a_table(
    evidence: Any, whole: dict[str, Section]
) -> None:
    state = evidence.standing.search
    goal = goal_of(state)
    assert goal is not None
    lines = audit_frame(state, search_frame(state, goal), goal)
    assert len(lines) == 30
    assert state.evidence
    stopped = lines["rung"].notna()
    assert lines.loc[~stopped | lines["audited"], "final"].notna().all()
    assert lines.loc[stopped & ~lines["audited"], "final"].isna().all()
    assert (lines.loc[stopped, "saved_epochs"] == 9 - lines.loc[stopped, "rung"]).all()
    sheet = whole["search-audited"].sheets[0]
    assert sheet.rows[-1][3] == "6"
