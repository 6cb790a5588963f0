"""What the driver makes of workers that are lost: whose fault it was, and whether their trial is started again."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.errors import StorageError, StorageRefusedError, UserError
from tune_jobs.ledger.lost_workers import DOUBT_SECONDS, read_incidents
from tune_jobs.ledger.runs import live_beacons
from tune_jobs.storage.storage import Storage
from tune_jobs.training import worker_watch as module
from tune_jobs.training.snapshot import Snapshot
from tune_jobs.training.worker_report import LACKS, LOG, REFUSED, UNWRITTEN
from tune_jobs.training.worker_watch import RESTARTS, EndsWith, Watch


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
        self.curves = {"k": [(7, 0.5)]}
        self.restarts: list[str] = []
        self.said: list[str] = []

    def snapshot(self) -> Snapshot:
        return Snapshot("0/1 trials", 0.7, began=0.0, taken=0.0, seconds_left=3.0)

    def say(self, line: str) -> None:
        self.said.append(line)

    def restarted(self, key: str, label: str) -> None:
        self.restarts.append(label)


class Named(Watch[Display]):
    """A watch that knows one trial."""

    def in_training(self, trial: Any) -> list[tuple[str, str, int]]:
        return [("k", "hidden_units=8, seed 0", self.progress.running["k"])]


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


def test_a_storage_that_refuses_ends_the_run_and_what_it_did_not_take_is_kept(cluster: Cluster) -> None:
    ends = EndsWith(cluster.watch)
    cluster.watch.on_trial_result(1, [], cluster.trial, {"epoch": 1})
    assert not ends.stop_all()
    for number in (1, 2):
        files = [(("ledger", f"trial-{number}"), b"content")]
        cluster.watch.on_trial_result(1, [], cluster.trial, {REFUSED: "/full: no space", UNWRITTEN: files})
    assert ends.stop_all()
    assert cluster.watch.progress.said == ["ablatune: /full: no space; the run ends"]
    with pytest.raises(StorageRefusedError, match="/full: no space") as raised:
        cluster.watch.raise_unusable()
    assert set(raised.value.unwritten) == {("ledger", "trial-1"), ("ledger", "trial-2")}


def test_what_workers_log_is_logged_once(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    line = (logging.WARNING, "models.snapshot", "a checkpoint was not kept")
    for _ in range(3):
        cluster.watch.on_trial_result(1, [], cluster.trial, {"epoch": 1, LOG: [line]})
    assert [(record.name, record.message) for record in caplog.records] == [line[1:]]


def test_a_sign_of_life_that_cannot_be_written_is_said_once_and_ends_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise StorageError("s3://b: cannot be written: the server is down")

    monkeypatch.setattr(Storage, "write", fail)
    for _ in range(3):
        cluster.passes(60)
    assert caplog.messages == [
        "the sign of life of this run was not written: s3://b: cannot be written: the server is down"
    ]
    assert not EndsWith(cluster.watch).stop_all()


def test_a_node_that_lacks_what_the_study_requires_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(Storage.at(str(tmp_path)), monkeypatch)
    stop = EndsWith(cluster.watch)
    assert not stop.stop_all()
    cluster.watch.on_trial_result(1, [], cluster.trial, {LACKS: "node 10.0.0.2 (bbbbbbbb) lacks lightning>=2"})
    assert stop.stop_all()
    with pytest.raises(UserError, match=r"requirements: node 10.0.0.2 \(bbbbbbbb\) lacks lightning>=2; install it on"):
        cluster.watch.raise_unusable()


def test_the_sign_of_life_says_how_far_the_run_is(cluster: Cluster, tmp_path: Path) -> None:
    cluster.passes(0)
    (beacon,) = live_beacons(Storage.at(str(tmp_path)))
    assert (beacon.running, beacon.share, beacon.seconds_left) == ({"k": 7}, 0.7, 3.0)
    assert beacon.curves == {"k": [[7, 0.5]]}
