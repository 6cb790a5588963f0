"""The sections of a study with a search, from records that were never trained, through the search's own director."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.frames.search_frames import AUDITED, SURVIVED, audit_frame, course, goal_of, search_curves, search_frame
from analysis.report.outline import sections_of
from analysis.report.report import write_report
from analysis.report.search.ablation_path import steps_of, taken_back
from analysis.report.section import Section
from tune_jobs.errors import UserError
from tune_jobs.standing.search.importance import functional_anova
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: A search
seeds: 3
base: {dataset: digits, network: mlp, hidden_units: 8, epochs: 9}
tables:
  - {title: Width, factor: hidden_units, levels: [8, 16]}
search:
  budget: {trials: 30}
  sampler: random
  scheduler: asha
  grace_epochs: 1
  reduction_factor: 3
  audit: 6
  confirm: 3
  interactions: 10
  space:
    learning_rate: {low: 0.0001, high: 0.1, scale: log}
    hidden_units: {low: 8, high: 64, scale: log}
    optimizer: [adam, nesterov]
    momentum: {low: 0.8, high: 0.98, when: {optimizer: nesterov}}
    activation: [relu, tanh]
"""


def accuracy(config: TrialConfig) -> float:
    """Wide networks and large rates are good; the wide ones need a large rate, and tanh changes nothing."""
    rate = np.log10(config.learning_rate) + 4
    noise = 0.05 * np.sin(13.0 * config.seed + 7.0 * config.hidden_units + 1e4 * config.learning_rate)
    return float(80 + 2 * rate + (config.hidden_units / 64) * 2 * rate + noise)


@pytest.fixture(scope="module", autouse=True)
def small_forests() -> Iterator[None]:
    """Grow few trees: what the forests find is tested with them."""
    few = partial(functional_anova, trees=12, few_trees=4)

    def anova(*data: Any, seed: int, **options: Any) -> Any:
        return few(*data, seed=seed, resamples=3, permutations=3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tune_jobs.standing.search.importance.functional_anova", anova)
        patch.setattr("analysis.report.search.effects.functional_anova", anova)
        yield


@pytest.fixture(scope="module")
def searched(run_search: Any, fate: Any, small_forests: None) -> Any:
    """Return a study whose search and all that follows it are through."""
    return run_search(STUDY, fates=lambda config: fate(last=accuracy(config)))


@pytest.fixture(scope="module")
def evidence(searched: Any) -> Any:
    """Return what the ledger knows of it."""
    return searched.evidence


@pytest.fixture(scope="module")
def whole(evidence: Any) -> dict[str, Section]:
    """Return the sections of its report."""
    return {section.name: section for section in sections_of(evidence, None)}


def sections(ran: Any) -> dict[str, Section]:
    return {section.name: section for section in sections_of(ran.evidence, None)}


def test_all_parts_follow_the_tables(whole: dict[str, Section]) -> None:
    assert list(whole) == [
        "hidden_units",
        "search",
        "search-audited",
        "search-winner",
        "search-path",
        "search-importance",
        "search-edges",
        "search-pairs",
    ]


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


def test_the_winner_is_said_to_be_flattered_and_estimated_again(whole: dict[str, Section]) -> None:
    section = whole["search-winner"]
    assert section.view is not None
    assert section.view.lines[0].is_default
    words = " ".join(section.paragraphs)
    assert "won: it has the best mean of" in words
    assert "3 seeds that chose nothing" in words
    assert "differ by selection bias and by chance" in words
    settings = next(sheet for sheet in section.sheets if sheet.name == "search-settings")
    changed = {row[0]: row for row in settings.rows if row[2]}
    assert "Learning Rate" in changed
    assert changed["Learning Rate"][2] == "0.001"


def test_the_path_adds_up_and_names_what_did_nothing(evidence: Any, whole: dict[str, Section]) -> None:
    goal = goal_of(evidence.standing.search)
    assert goal is not None
    path, back = steps_of(evidence, goal), taken_back(evidence, goal)
    assert path is not None
    assert path.complete
    assert path.total is not None
    assert path.total.mean == pytest.approx(sum(step.gain.mean for step in path.steps if step.gain))
    rate = next(step for step in path.steps if step.label.startswith("Learning Rate"))
    assert rate.verdict == "gained"
    worth = next(one for one in back if one.label.startswith("Learning Rate"))
    assert worth.verdict == "gained"
    assert worth.worth is not None
    winner = path.steps[-1].after
    assert winner is not None
    assert worth.without is not None
    assert worth.worth.mean == pytest.approx(winner.mean - worth.without.mean)
    words = " ".join(whole["search-path"].paragraphs)
    assert f"Shown to improve the result, on the path or in the winner: {rate.label}" in words


def test_each_step_took_one_of_those_that_were_tried(whole: dict[str, Section]) -> None:
    sheet = next(sheet for sheet in whole["search-path"].sheets if sheet.name == "search-tried")
    taken = pd.DataFrame(sheet.rows, columns=["step", "change", "value", "taken"])
    assert (taken.groupby("step")["taken"].apply(lambda own: (own == "yes").sum()) == 1).all()


def test_a_table_is_warned_of_when_its_factor_was_shown_to_depend_on_another(whole: dict[str, Section]) -> None:
    pairs = whole["search-pairs"].sheets[0]
    verdicts = {frozenset(cell.partition(":")[0] for cell in row[:2]): row[-2] for row in pairs.rows}
    acting = frozenset({"Learning Rate", "Hidden Layer Size"})
    assert {pair for pair, verdict in verdicts.items() if verdict == "it depends"} == {acting}
    assert whole["hidden_units"].paragraphs == [
        "What this table says about Hidden Layer Size depends on Learning Rate, which it keeps fixed: the factorial "
        "after the search shows that the two interact (see “Interactions”)."
    ]


def test_a_range_that_ends_too_soon_gets_a_wider_one_to_paste(whole: dict[str, Section]) -> None:
    section = whole["search-edges"]
    assert "in the study" in section.sheets[0].columns[-1].heading.lower()
    assert "hidden_units: {low: 8, high: 128, scale: log}" in section.sheets[0].columns[-1].cells


def test_only_what_is_known_is_there(run_search: Any, fate: Any) -> None:
    half = run_search(STUDY, fates=lambda config: fate(last=accuracy(config)), follow=False)
    found = sections(half)
    assert "search-winner" not in found
    assert "search-path" not in found
    assert "The audit has not been run yet." in found["search-audited"].paragraphs


def test_a_default_that_won_has_no_path(run_search: Any, fate: Any) -> None:
    ran = run_search(STUDY, fates=lambda config: fate(last=99.0 if config.learning_rate == 0.001 else 50.0))
    found = sections(ran)
    assert any("the default won" in words for words in found["search-winner"].paragraphs)
    assert "search-path" not in found


def test_trials_that_diverge_or_fail_are_named_and_not_averaged(run_search: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        if config.learning_rate > 0.03:
            return fate("diverged", epochs=1)
        if config.seed == 0 and 0.01 < config.learning_rate <= 0.03:
            return fate("failed", epochs=0, reason="out of luck")
        return fate(last=accuracy(config))

    ran = run_search(STUDY, fates=fates)
    frame = sections(ran)["search"].frames["search"]
    assert (frame["how_it_ended"] == "diverged in epoch 1").any()
    assert (frame["how_it_ended"] == "failed: out of luck").any()
    assert "search-audited" in sections(ran)


def test_a_search_without_tables_is_reported(run_search: Any, fate: Any, tmp_path: Path) -> None:
    text = STUDY.replace("tables:\n  - {title: Width, factor: hidden_units, levels: [8, 16]}\n", "")
    ran = run_search(text, fates=lambda config: fate(last=accuracy(config)), follow=False)
    written = write_report(ran.standing, tmp_path / "report")
    assert (tmp_path / "report" / "tables" / "search.csv").exists()
    assert len(written.frames["search"]) == 30
    assert "The best trials" in written.markdown.read_text()


def test_a_search_that_was_never_run_is_refused(run_search: Any, fate: Any) -> None:
    ran = run_search(STUDY, fates=lambda config: fate("missing"), trials=0, follow=False)
    with pytest.raises(UserError, match="has none of the 6 trials of small; run it first"):
        _ = ran.evidence


def test_the_report_is_whole(searched: Any, tmp_path: Path) -> None:
    written = write_report(searched.standing, tmp_path / "report")
    assert {"search-progress", "search-curves", "search-slices", "search-audit", "search-path"} <= set(written.drawn)
    page = written.html.read_text()
    for name in written.frames:
        assert (tmp_path / "report" / "tables" / f"{name}.csv").exists()
    assert "nan" not in page.lower().replace("nano", "").split("<img", maxsplit=1)[0]
