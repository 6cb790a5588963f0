"""Whose fault a lost worker is, and what is said of it afterwards."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.ledger.lost_workers import (
    DOUBT_SECONDS,
    FOLDER,
    Incident,
    LostWorker,
    incident_lines,
    read_incidents,
    unexplained_losses,
    write_incident,
)
from tune_jobs.storage.storage import Storage
from tune_jobs.training import worker_watch as module
from tune_jobs.training.worker_watch import RESTARTS, Watch

LATER = 10 * DOUBT_SECONDS


def test_a_node_that_is_gone_takes_the_blame() -> None:
    losses = [LostWorker("gone", 0.0), LostWorker("here", 1.0), LostWorker("gone too", 2.0)]
    assert unexplained_losses(losses, {"here"}, "driver", LATER) == 1
    assert unexplained_losses(losses, {"here", "gone too"}, "driver", LATER) == 2
    assert unexplained_losses([], {"here"}, "driver", LATER) == 0


def test_the_last_has_the_benefit_of_the_doubt_while_its_node_may_be_found_dead() -> None:
    losses = [LostWorker("a", 0.0), LostWorker("b", 100.0)]
    assert unexplained_losses(losses, {"a", "b"}, "driver", 101.0) == 1
    assert unexplained_losses(losses, {"a", "b"}, "driver", 100.0 + DOUBT_SECONDS) == 2
    assert unexplained_losses(losses, {"a", "b"}, "b", 101.0) == 2, "the driver's own node lives"
    assert unexplained_losses(losses, {"a"}, "driver", 101.0) == 1, "found dead: nothing is in doubt"


def test_a_worker_that_never_said_where_it_was_counts() -> None:
    assert unexplained_losses([LostWorker("", 0.0), LostWorker("", 1.0)], {"a"}, "driver", LATER) == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=8), st.sets(st.sampled_from("abc")))
def test_never_more_than_happened_and_none_on_dead_nodes(found: list[tuple[str, float]], alive: set[str]) -> None:
    losses = [LostWorker(node, seconds) for node, seconds in sorted(found, key=lambda one: one[1])]
    own = unexplained_losses(losses, alive, "driver", 100.0)
    living = sum(loss.node in alive for loss in losses)
    assert living - 1 <= own <= living
    assert unexplained_losses(losses, set(), "driver", 100.0) == 0


class Trial:
    """What the watch touches of a trial of Tune."""

    def __init__(self) -> None:
        self.trial_id, self.config, self.error_file = "t", {"trial": {"key": "k"}}, None
        self.num_failures, self.max_failures = 0, RESTARTS

    def get_error(self) -> str:
        return "Traceback\nThe actor died unexpectedly."


class Display:
    """A display that remembers who started again."""

    def __init__(self) -> None:
        self.running = {"k": 7}
        self.restarts: list[str] = []

    def restarted(self, key: str, label: str) -> None:
        self.restarts.append(label)


class Named(Watch[Display]):
    """A watch that knows one trial."""

    def who(self, trial: Any) -> tuple[str, str, int]:
        return "k", "hidden_units=8, seed 0", self.progress.running["k"]


class Cluster:
    """A cluster, a clock and Tune's rule of whether a trial starts again, all turned by hand."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.dead = 1000.0, set[str]()
        self.watch, self.trial = Named(Display(), storage, "s"), Trial()
        monkeypatch.setattr(module.ray, "nodes", self.nodes)
        monkeypatch.setattr(module.ray, "is_initialized", lambda: True)
        monkeypatch.setattr(module.ray, "get_runtime_context", lambda: self)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.seconds)

    def get_node_id(self) -> str:
        return "driver"

    def nodes(self) -> list[dict[str, Any]]:
        names = ("driver", "aaaaaaaa", "bbbbbbbb")
        return [{"NodeID": name, "NodeManagerAddress": "10.0.0.1", "Alive": name not in self.dead} for name in names]

    def fails(self, node: str) -> bool:
        """Let the trial train on a node and fail there; return whether Tune starts it again."""
        self.watch.on_trial_result(1, [], self.trial, {"node": node})
        self.trial.num_failures += 1
        again = self.trial.num_failures <= self.trial.max_failures
        (self.watch.on_trial_recover if again else self.watch.on_trial_error)(1, [], self.trial)
        return again

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.watch.on_step_begin(1, [])


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(Storage.at(str(tmp_path)), monkeypatch)


def test_a_trial_that_kills_its_workers_is_lost_after_as_many_restarts_as_ever(cluster: Cluster) -> None:
    assert [cluster.fails("driver") for _ in range(RESTARTS + 1)] == [True] * RESTARTS + [False]


def test_on_another_node_too_once_the_doubt_is_over(cluster: Cluster) -> None:
    for _ in range(RESTARTS):
        assert cluster.fails("aaaaaaaa")
        cluster.passes(DOUBT_SECONDS)
    assert not cluster.fails("aaaaaaaa")


def test_a_trial_survives_any_number_of_lost_nodes(cluster: Cluster) -> None:
    for turn in range(5 * RESTARTS):
        node = ("aaaaaaaa", "bbbbbbbb")[turn % 2]
        assert cluster.fails(node), "its node is not found dead at once"
        cluster.passes(20.0)
        cluster.dead.add(node)
        cluster.passes(20.0)
    assert len(cluster.watch.progress.restarts) == 5 * RESTARTS


def test_what_was_lost_is_kept_with_its_node_and_who_was_to_blame(cluster: Cluster, tmp_path: Path) -> None:
    cluster.fails("aaaaaaaa")
    (before,) = read_incidents(Storage.at(str(tmp_path)), "s")
    assert (before.key, before.epoch, before.node) == ("k", 7, "10.0.0.1 (aaaaaa)")
    assert (before.again, before.node_lost) == (True, False)
    assert before.reason == "The actor died unexpectedly."
    cluster.dead.add("aaaaaaaa")
    cluster.watch.on_experiment_end([])
    (after,) = read_incidents(Storage.at(str(tmp_path)), "s")
    assert after.node_lost
    assert after.id == before.id
    assert read_incidents(Storage.at(str(tmp_path)), "another study") == []


def test_a_trial_that_tune_gives_up_before_it_began_is_taken_back(cluster: Cluster) -> None:
    cluster.trial.num_failures = 1
    cluster.watch.on_trial_error(1, [], cluster.trial)
    assert cluster.watch.taken_back() == [cluster.trial.config]
    assert cluster.watch.taken_back() == []


def incident(number: int, **changes: Any) -> Incident:
    values = {"study": "s", "key": f"key{number:08}", "label": "default, seed 0", "epoch": number, "node": "10.0.0.1"}
    return Incident(**{**values, "id": str(number), "at": f"2026-01-01T00:00:{number:02}", "again": True, **changes})


def test_status_names_what_was_lost_in_few_lines() -> None:
    assert incident_lines([]) == []
    lines = incident_lines(
        [incident(1, node_lost=True), incident(2, reason="it crashed"), incident(3, key="key00000001")]
    )
    assert lines[0] == "  lost with their worker and run again: 2 trials"
    assert lines[1].strip() == (
        "2026-01-01T00:00:01 key00000  default, seed 0: at epoch 1 on node 10.0.0.1, which was lost"
    )
    assert lines[2].endswith("on node 10.0.0.1: it crashed")
    many = [incident(number) for number in range(30)]
    assert len(incident_lines(many)) == 20
    assert "at epoch 29" in "\n".join(incident_lines(many)), "the last are named"
    assert "… and 12 earlier" in incident_lines(many)[-1]
    mixed = [incident(number, again=number % 2 == 0) for number in range(60)]
    assert len(incident_lines(mixed)) <= 20
    assert "lost with their worker for good: 30 trials" in "\n".join(incident_lines(mixed))


def test_a_torn_incident_is_passed_over(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path))
    write_incident(storage, incident(1))
    storage.write(b"{", FOLDER, "torn.json")
    assert [one.id for one in read_incidents(storage, "s")] == ["1"]
