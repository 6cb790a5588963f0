"""How a search reacts to what Tune reports."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tune_jobs.standing.search.tally import Tally
from tune_jobs.storage.storage import Storage
from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import Space
from tune_jobs.training.search_launch import _SearchWatch
from tune_jobs.training.search_progress import SearchProgress


def test_a_slot_that_reports_its_end_twice_ends_once(tmp_path: Path) -> None:
    search = Search(Space(()), budget=Budget(trials=2))
    progress = SearchProgress(search, vars(Tally(0, 0, "", 0.0)), stream=io.StringIO())
    watch = _SearchWatch(progress, Storage.at(str(tmp_path)), "study")
    said: dict[str, Any] = {"finished": True, "key": "k", "label": "trial 0", "outcome": "completed", "reason": ""}
    said["tally"] = vars(Tally(1, 0, "", 0.5))
    # Its worker dies after that report; Tune starts the slot again, which finds nothing left to do.
    for result in (said, {"nothing_left": True}):
        watch.on_trial_result(0, [], SimpleNamespace(trial_id="one"), result)
    watch.on_trial_result(0, [], SimpleNamespace(trial_id="other"), {"nothing_left": True})
    assert watch.settled == {"one", "other"}
    progress.close()
