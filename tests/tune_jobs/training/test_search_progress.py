"""The line that says how a search goes."""

import io
from typing import Any

from tune_jobs.standing.search.tally import Tally
from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import Space
from tune_jobs.training.search_progress import SearchProgress


def progress(**options: Any) -> tuple[SearchProgress, io.StringIO]:
    stream = io.StringIO()
    search = Search(Space(()), budget=Budget(trials=40))
    return SearchProgress(search, vars(Tally(0, 0, "", 0.0)), stream=stream, **options), stream


def tally(**changes: Any) -> dict[str, Any]:
    return {**vars(Tally(3, 1, "Accuracy 91.20%", 0.25, "trial 2: default", ((2, 3), (6, 1)))), **changes}


def test_the_line_has_what_ended_the_best_and_the_rungs() -> None:
    shown, _ = progress()
    assert shown.snapshot().line.startswith("0/40 trials, 0 stopped early, elapsed ")
    assert "estimating what is left" in shown.snapshot().line
    shown.advanced("k1", "trial 3 (dropout=0.1)", 2, 9)
    shown.ended("k0", "trial 2", "completed", "", tally())
    line = shown.snapshot().line
    assert line.startswith("3/40 trials, 1 stopped early, reached: epoch 2 by 3, epoch 6 by 1, elapsed ")
    assert " left; best so far Accuracy 91.20% (trial 2: default); " in line
    assert line.endswith("; training trial 3 (dropout=0.1) 2/9 epochs")
    assert shown.running == {"k1": 2}
    shown.ended("k1", "trial 3", "pruned", "stopped at epoch 3", tally(best=""))
    assert "best" not in shown.snapshot().line
    assert shown.running == {}
    assert shown.outcomes == ["completed", "pruned"]
    shown.close()


def test_a_budget_that_is_not_of_trials_is_said() -> None:
    search = Search(Space(()), budget=Budget(epochs=500))
    shown = SearchProgress(search, vars(Tally(7, 0, "", 0.43)), stream=io.StringIO())
    assert shown.snapshot().line.startswith("7 trials, 43% of 500 epochs used, 0 stopped early, elapsed ")


def test_what_went_wrong_is_said_with_its_reason() -> None:
    shown, stream = progress()
    shown.ended("k", "trial 4 (dropout=0.2)", "failed", "ValueError: no", tally())
    shown.ended("k", "trial 5", "pruned", "stopped at epoch 1", tally())
    shown.advanced("k6", "trial 6", 1, 9)
    shown.lost("k6", "trial 6", "out of memory")
    assert shown.running == {}
    shown.close()
    assert "failed: trial 4 (dropout=0.2): ValueError: no" in stream.getvalue()
    assert "lost: trial 6: out of memory" in stream.getvalue()
    assert "trial 5" not in stream.getvalue().replace("training trial 5", "")
    assert shown.outcomes == ["failed", "pruned", "lost"]
