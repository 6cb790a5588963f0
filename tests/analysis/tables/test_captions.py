"""The captions of tables."""

from typing import Any

import pytest

from analysis.statistics.comparisons import Pairs
from analysis.statistics.intervals import estimate
from analysis.statistics.table_tests import compare
from analysis.tables.captions import seed_words
from tests.analysis.tables.test_tables import STUDY


def test_the_caption_says_what_is_read_and_shown(run: Any) -> None:
    study = STUDY.replace(
        "    factor: hidden_units", "    read: best\n    train_metric: running\n    factor: hidden_units"
    )
    ran = run(study)
    best, last = (" ".join(ran.view(name).caption) for name in ("hidden_units", "epochs"))
    assert "Data: Digits, 1,077 training and 360 validation rows." in best
    assert "3 replicates of each level (seeds 0, 1, 2): mean ± 95% Student-t interval." in best
    assert "The table shows the epoch with the best validation metric" in best
    assert "the train accuracy is the running mean of the epoch." in best
    assert "The table shows the last epoch; the train accuracy is measured after the epoch." in last


def test_many_seeds_are_a_range() -> None:
    assert seed_words(range(3)) == "0, 1, 2"
    assert seed_words(range(10)) == "0 to 9"
    assert seed_words([0, 2, 4, 6]) == "0, 2, 4, 6"


def test_the_caption_of_a_cross_validation_says_fold_and_repeat_and_how_intervals_are_corrected(run: Any) -> None:
    ran = run(STUDY.replace("title: Small", "title: Small\nsplits: {folds: 5}"), seeds=2)
    caption = " ".join(ran.view("hidden_units").caption)
    assert "Data: Digits, 1,149 training and 288 validation rows." in caption
    assert (
        "10 replicates of each level (seeds 0 to 9); a cross-validation: the rows are divided into 5 folds 2 times, "
        "and seed s validates on fold s mod 5 of repeat s div 5: mean ± 95% Student-t interval." in caption
    )
    assert "s² · (1/n + validation rows / training rows), after Nadeau and Bengio (2003)" in caption
    frame = ran.evidence.trials
    first = frame[frame["position"] == 0]
    assert first["fold"].tolist() == [0, 1, 2, 3, 4] * 2
    assert first["repeat"].tolist() == [0] * 5 + [1] * 5
    assert "fold" not in run(STUDY, seeds=2).evidence.trials


@pytest.mark.parametrize(("splits", "overlap"), [("fixed", 0.0), ("validation", 360 / 1077), ("{folds: 3}", 1 / 2)])
def test_intervals_are_corrected_where_training_parts_overlap_alone(run: Any, splits: str, overlap: float) -> None:
    folds = splits.startswith("{")
    ran = run(STUDY.replace("title: Small", f"title: Small\nsplits: {splits}"), seeds=2 if folds else 3)
    view = ran.view("hidden_units")
    assert ("Nadeau and Bengio" in " ".join(view.caption)) == bool(overlap)
    first = ran.evidence.trials.query("position == 0")
    line = view.lines[0]
    found = estimate(first["validation_metric"], overlap=overlap)
    assert line.estimates["validation_metric"].half_width == pytest.approx(found.half_width, rel=1e-3)
    assert line.estimates["train_metric"] == estimate(first["train_metric"])
    frames = [ran.evidence.trials.query("position == @place") for place in range(4)]
    values = [frame["validation_metric"].to_numpy() for frame in frames]
    table = [Pairs(level, values[1]) for level in (values[0], *values[2:])]
    (compared, *_) = compare(table, higher_is_better=True, overlap=overlap)
    assert line.comparison.difference.half_width == pytest.approx(compared.difference.half_width, rel=1e-3)
