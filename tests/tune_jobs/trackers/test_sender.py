"""What is sent to a tracker, what is sent later, and that nothing is sent twice; without a tracker's client."""

import queue
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.trackers.claim import Claim
from tune_jobs.trackers.sender import Sender, without_secrets
from tune_jobs.trackers.tracked_run import TrackedRun


class Tracker:
    """Keeps what it is sent; while it is down, it takes nothing."""

    def __init__(self) -> None:
        self.runs: list[TrackedRun] = []
        self.down = False

    def send(self, run: TrackedRun) -> None:
        if self.down:
            raise ConnectionError("nobody there")
        self.runs.append(run)

    def send_report(self, folder: Path) -> None: ...
    def close(self) -> None: ...


def served(ledger: Ledger, tracker: Tracker, *messages: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Let a new sender hear messages and the end of the run; return what it answers."""
    answers: list[Mapping[str, Any]] = []
    told: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    for message in (*messages, {"finish": {"all": False}}):
        told.put(message)
    Sender(ledger.storage, "study", "mlflow:x", lambda: tracker, answers.append).serve(told)
    return answers


def levels(*records: Record) -> dict[str, Any]:
    return {"levels": {record.key: {"width": ["4"], "depth": ["1", "2"]} for record in records}}


def test_each_trial_is_sent_once_and_later_what_is_new(ledger: Ledger, make_record: Callable[..., Record]) -> None:
    first, second = make_record(seed=0), make_record(seed=1)
    ledger.write(first)
    tracker = Tracker()
    ended = served(ledger, tracker, levels(first, second))[-1]
    assert ended == {"end": True, "sent": 1, "left": 0}
    assert [run.name for run in tracker.runs] == ["width: 4, seed 0"]
    ledger.write(second)
    assert served(ledger, tracker, levels(first, second))[-1]["sent"] == 1
    assert served(ledger, tracker, levels(first, second))[-1]["sent"] == 0
    assert [run.record.seed for run in tracker.runs] == [0, 1]
    ledger.write(make_record(seed=0, epochs=5, key=first.key))
    assert served(ledger, tracker, levels(first, second))[-1]["sent"] == 1
    assert tracker.runs[-1].record.epochs == 5


def test_a_tracker_that_is_down_gets_the_rest_later(ledger: Ledger, make_record: Callable[..., Record]) -> None:
    records = [make_record(seed=seed) for seed in range(3)]
    ledger.write(*records)
    tracker = Tracker()
    tracker.down = True
    answers = served(ledger, tracker, levels(*records))
    assert {"problem": "ConnectionError: nobody there"} in answers
    assert answers[-1] == {"end": True, "sent": 0, "left": 3}
    tracker.down = False
    assert served(ledger, tracker, levels(*records))[-1] == {"end": True, "sent": 3, "left": 0}
    assert len({run.key for run in tracker.runs}) == len(tracker.runs) == 3


def test_one_of_several_runs_of_a_study_sends(ledger: Ledger, make_record: Callable[..., Record]) -> None:
    first, second = (Claim(ledger.storage, "claims") for _ in range(2))
    assert first.renew()
    assert not second.renew()
    first.release()
    second._seen = 0.0
    assert second.renew()


def test_problems_do_not_tell_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "MARKED-4711")
    words = without_secrets(ValueError("key MARKED-4711 at https://me:pass@host\nis wrong"))
    assert words == "ValueError: key … at https://…@host is wrong"
