"""The line that says how a search goes."""

import io
from typing import Any

from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import Space
from tune_jobs.training.search_progress import SearchProgress


def progress(**options: Any) -> tuple[SearchProgress, io.StringIO]:
    stream = io.StringIO()
    return SearchProgress(Search(Space(()), budget=Budget(trials=40)), 0.0, stream=stream, **options), stream


def tally(**changes: Any) -> dict[str, Any]:
    return {"ended": 3, "stopped": 1, "best": "Accuracy 91.20% (trial 2)", "share": 0.25, **changes}


def test_the_line_has_what_ended_the_best_and_the_budget() -> None:
    shown, _ = progress()
    assert shown.line().startswith("0 trials ended (0 stopped early), budget 40 trials: 0% used, elapsed ")
    assert "estimating what is left" in shown.line()
    shown.advanced("k1", "trial 3 (dropout=0.1)", 2, 9)
    shown.ended("k0", "trial 2", "completed", "", tally())
    line = shown.line()
    assert "3 trials ended (1 stopped early), best Accuracy 91.20% (trial 2), budget 40 trials: 25% used" in line
    assert " left" in line
    assert line.endswith("; training trial 3 2/9 epochs")
    assert shown.running == {"k1": 2}
    shown.ended("k1", "trial 3", "pruned", "stopped at epoch 3", tally(best=""))
    assert "best" not in shown.line()
    assert shown.running == {}
    assert shown.outcomes == ["completed", "pruned"]
    shown.close()


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
