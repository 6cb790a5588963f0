"""The tidy frames: what each replicate of a row shows, and its curves."""

import dataclasses
from typing import Any

import pytest

from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - factor: hidden_units
    levels: [4, 8]
  - factor: epochs
    levels: [2, 4, 6]
"""


def reread(ran: Any, **changes: Any) -> Any:
    """Return the same study with other words in every table."""
    study = dataclasses.replace(
        ran.study,
        tables=tuple(
            dataclasses.replace(table, showing=dataclasses.replace(table.showing, **changes))
            for table in ran.study.tables
        ),
    )
    return dataclasses.replace(ran, study=study)


def test_a_line_for_each_row_and_seed(run: Any) -> None:
    ran = run(STUDY)
    trials = ran.trials
    assert len(trials) == 5 * 3
    assert list(trials["table"].unique()) == ["hidden_units", "epochs"]
    assert list(trials["seed"][:3]) == [0, 1, 2]
    assert set(trials["outcome"]) == {"completed"}
    assert trials.loc[trials["is_default"], "level"].tolist() == ["8"] * 3 + ["4"] * 3


def test_the_numbers_are_those_of_the_epoch_that_is_read(run: Any) -> None:
    ran = run(STUDY)
    trials = ran.trials
    line = trials[(trials["table"] == "epochs") & (trials["level"] == "2") & (trials["seed"] == 1)].iloc[0]
    record = ran.contents.records[line["key"]]
    assert record.epochs == 6, "the longest level's trajectory serves all"
    assert line["epoch"] == 2
    assert line["validation_metric"] == record.validation_metric[1]
    assert line["train_seconds"] == record.train_seconds[1]
    assert (line["train_loss"], line["train_metric"]) == record.measured(2)


def test_a_table_may_show_the_running_train_metric(run: Any) -> None:
    ran = reread(run(STUDY), train_metric="running")
    line = ran.trials.iloc[0]
    record = ran.contents.records[line["key"]]
    assert line["train_metric"] == record.train_metric[3]
    assert line["train_loss"] == record.train_loss[3]


def test_the_best_epoch_is_read_where_the_table_says_so(run: Any, fate: Any) -> None:
    peak = fate(changes={"validation_metric": (50.0, 80.0, 70.0, 60.0)})
    ran = run(STUDY.replace("base:", "read: best\nbase:").partition("  - factor: epochs")[0], fates=lambda config: peak)
    assert set(ran.trials["epoch"]) == {2}
    assert set(ran.trials["validation_metric"]) == {80.0}


def test_what_did_not_end_well_has_a_reason_and_no_number(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        ends = {
            0: fate("diverged", 2, "the training loss is not finite after epoch 2"),
            1: fate("failed", 0, "RuntimeError: no"),
            2: fate("timed_out", 3, "60 s are over"),
            3: fate("missing"),
            4: fate("completed", 3),
        }
        return ends[config.seed] if config.hidden_units == 4 else fate()

    trials = run(STUDY, seeds=5, fates=fates).trials
    own = trials[trials["level"].eq("4") & trials["table"].eq("hidden_units")]
    assert own["outcome"].tolist() == ["diverged", "failed", "timed_out", "missing", "missing"]
    assert own["reason"].tolist() == [
        "the training loss is not finite after epoch 2",
        "RuntimeError: no",
        "60 s are over",
        "",
        "3 of 4 epochs run",
    ]
    assert own["epoch"].isna().all()
    assert own["validation_metric"].isna().all()
    assert own["epochs_done"].tolist() == [2, 0, 3, 0, 3]


def test_an_epoch_that_was_not_measured_is_missing(run: Any, fate: Any) -> None:
    unmeasured = fate(changes={"measured_epochs": (6,), "measured_train_loss": (0.0,), "measured_train_metric": (0.0,)})
    trials = run(STUDY, fates=lambda config: unmeasured).trials
    line = trials[(trials["table"] == "epochs") & (trials["level"] == "2")].iloc[0]
    assert (line["outcome"], line["reason"]) == ("missing", "epoch 2 was run but not measured")


def test_a_metric_that_is_not_finite_is_no_number(run: Any, fate: Any) -> None:
    infinite = fate(changes={"validation_metric": (1.0, 1.0, 1.0, float("inf"), 1.0, 1.0)})
    line = run(STUDY, fates=lambda config: infinite).trials.iloc[3]
    assert (line["outcome"], line["reason"]) == ("diverged", "the validation metric is not finite")


def test_curves_end_with_their_row_and_before_what_is_not_finite(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("diverged", 3, "no") if config.hidden_units == 4 else fate()

    ran = run(STUDY, fates=fates)
    last = ran.curves.groupby("position")["epoch"].max()
    assert last.to_dict() == {0: 2, 1: 4, 2: 2, 3: 4, 4: 6}
    record = ran.contents.records[ran.trials["key"][3]]
    own = ran.curves[(ran.curves["position"] == 1) & (ran.curves["seed"] == 0)]
    assert own["validation_loss"].tolist() == list(record.validation_loss[:4])


def test_no_trials_no_curves(run: Any, fate: Any) -> None:
    assert run(STUDY, fates=lambda config: fate("missing")).curves.empty


@pytest.mark.parametrize("seeds", [1, 3])
def test_keys_pair_the_seeds_of_a_row(run: Any, seeds: int) -> None:
    trials = run(STUDY, seeds=seeds).trials
    assert trials.groupby("position")["key"].nunique().eq(seeds).all()
    defaults = trials[trials["is_default"]]
    assert defaults["key"].nunique() == seeds, "the default is shared by all tables"
