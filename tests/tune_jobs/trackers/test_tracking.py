"""The driver's side of trackers: what it says to their processes, and that none of them holds it up."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ends
from tests.tune_jobs.trainers import CLIMB, METRICS, Own
from tune_jobs.standing.search.tally import Tally
from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import Space
from tune_jobs.study.trackers import chosen_trackers
from tune_jobs.trackers import tracking
from tune_jobs.trackers.tracking import Tracking
from tune_jobs.training.search_progress import SearchProgress

SEARCHED = """
base: {trainer: 'climb:train', learning_rate: 0.5, epochs: 2}
seeds: 1
search: {budget: {trials: 3}, sampler: random, audit: 0, confirm: 1, path: 0, interactions: 0, seeds: 1,
         space: {width: {low: 1, high: 9}}}
"""
# Takes what it is told and writes it down; answers nothing, until it hears the end.
ECHO = """
import json, sys
with open({path!r}, "w") as heard:
    for line in sys.stdin:
        heard.write(line)
print(json.dumps({{"end": True, "sent": 0, "left": 0}}), flush=True)
"""


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that says which command is a tracker's process."""

    def use(*command: str) -> None:
        monkeypatch.setattr(
            tracking,
            "_start",
            lambda: subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            ),
        )

    return use


def test_a_process_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, process: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    process("sh", "-c", f"sleep 600 & echo $! > {pid}.new; mv {pid}.new {pid}; exec sleep 600")
    monkeypatch.setattr(tracking, "QUIET_SECONDS", 6.0)
    own, said = Own(tmp_path), list[str]()
    start = time.monotonic()
    with Tracking(chosen_trackers((), "mlflow:x"), own.ledger.storage, "study", said.append) as told:
        for number in range(1000):
            told.ended(f"{number:020x}")
        assert time.monotonic() - start < 5, "the run never waits for a tracker before its end"
        while not pid.exists():
            time.sleep(0.05)
    assert time.monotonic() - start < 60
    (first, last) = said
    assert first.startswith("mlflow:x: did not answer for ")
    assert last == "mlflow:x: some runs may not be sent yet; the next run of the study sends them"
    assert ends(int(pid.read_text()))


def test_each_trial_of_a_search_is_told_when_it_ends_and_as_the_study_names_it(
    tmp_path: Path, process: Callable[..., None]
) -> None:
    heard = tmp_path / "heard"
    process(sys.executable, "-c", ECHO.format(path=str(heard)))
    own = Own(tmp_path)
    own.module(climb=CLIMB)
    study = own.study(SEARCHED + METRICS)
    with Tracking(chosen_trackers((), "wandb:x"), own.ledger.storage, "own", print) as told:
        told.expect(own.standing(study))
        progress = SearchProgress(
            Search(Space(()), budget=Budget(trials=3)), vars(Tally(0, 0, "", 0.0)), on_ended=told.ended
        )
        after = own.search(study)
        assert after.search is not None
        tally = vars(Tally(1, 0, "", 0.3))
        for label, key in searched(after).items():
            progress.ended(key, label, "completed", "", tally)
        told.expect(after)
    messages = [json.loads(line) for line in heard.read_text().splitlines()]
    told_of = {key: levels for one in messages for key, levels in one.get("levels", {}).items() if "ended" in one}
    assert told_of == {key: {"search": [label]} for label, key in searched(after).items()}
    assert len(told_of) == 3
    later = messages[-2]["levels"]
    assert not told_of.keys() & later.keys(), (
        "what the study says afterwards is what was told, so nothing is sent twice"
    )


def searched(standing: Any) -> dict[str, str]:
    levels = tracking.levels_of(standing)
    return {labels["search"][0]: key for key, labels in levels.items() if "search" in labels}


def test_what_speaks_to_trackers_loads_none_of_their_clients() -> None:
    code = "import tune_jobs.trackers.tracking, tune_jobs.trackers.sender, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"mlflow", "wandb", "torch", "ray", "tensorboardX"} & set(done.stdout.split())
