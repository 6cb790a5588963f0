"""The captions of tables."""

from typing import Any

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
