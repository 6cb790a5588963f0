"""Runs on several nodes, which are processes of this machine: shared GPUs, lost nodes, nodes without the storage."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ablatune
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.lost_workers import read_incidents
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.training import ray_session
from tune_jobs.training.worker_watch import RESTARTS

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::ResourceWarning")]

SOON = {"health_check_period_ms": 1000, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster whose head takes no trials, and soon notices a dead node."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SOON}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield nodes
    finally:
        nodes.shutdown()


def study(folder: Path, text: str) -> ablatune.Study:
    path = folder / "study.yaml"
    path.write_text(text)
    return ablatune.Study.load(path, storage=folder / "results")


def records(folder: Path) -> list[Record]:
    return list(Ledger.open(Storage.at(str(folder / "results"))).read().records.values())


def most_at_once(turns: list[tuple[float, float]]) -> int:
    """The largest number of intervals that overlap."""
    changes = sorted([(begin, 1) for begin, _ in turns] + [(end, -1) for _, end in turns])
    running = [0]
    for _, change in changes:
        running.append(running[-1] + change)
    return max(running)


def test_a_gpu_is_never_shared_by_more_than_fit_and_cpu_nodes_take_no_gpu_trials(cluster: Any, tmp_path: Path) -> None:
    shared = [cluster.add_node(num_cpus=1, num_gpus=1).node_id for _ in range(2)]
    plain = cluster.add_node(num_cpus=1).node_id
    text = "seeds: 8\nbase: {epochs: 60}\ntables: [{factor: hidden_units, levels: [4, 8]}]\n"
    # Members of a stack train at once in one process.
    asked = {"cpus_per_trial": 0.25, "gpus_per_trial": 0.25, "logical_gpus": 1, "stack": "off"}
    assert study(tmp_path, text).run(address=cluster.address, **asked).complete
    turns: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in records(tmp_path):
        begun = one.started_at.timestamp()
        turns.setdefault((one.node, one.gpu), []).append((begun, begun + one.wall_seconds))
    assert set(turns) <= {(node, "0") for node in shared}
    assert sum(len(spans) for spans in turns.values()) == 16
    assert max(most_at_once(spans) for spans in turns.values()) in (2, 3, 4), "shared, and by no more than four"

    assert study(tmp_path, text.replace("60", "61")).run(address=cluster.address).complete
    without = [one for one in records(tmp_path) if not one.gpu]
    assert len(without) == 16
    assert plain in {one.node for one in without}


def test_a_trial_outlives_more_lost_nodes_than_it_may_lose_workers(cluster: Any, tmp_path: Path) -> None:
    text = "resources: {checkpoint_minutes: 0.005}\nbase: {epochs: 1000}\ntables: [{factor: hidden_units, levels: [4]}]"
    declared = study(tmp_path, text)
    command = [sys.executable, "-m", "tune_jobs", "run", "study.yaml", "--storage", "results"]
    root = Path(__file__).resolve().parents[3]
    results = Storage.at(str(tmp_path / "results"))
    lost: list[str] = []
    node = cluster.add_node(num_cpus=1)
    process = subprocess.Popen(
        [*command, "--address", cluster.address],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for _ in range(RESTARTS + 1):
            # A new checkpoint shows that the trial trains here now; a beacon would come seconds later.
            begun = time.time()
            wait_for(lambda begun=begun: changed(tmp_path / "results" / "checkpoints", begun) or process.poll())
            cluster.remove_node(node, allow_graceful=False)
            lost.append(node.node_id)
            node = cluster.add_node(num_cpus=1)
            wait_for(lambda: len(read_incidents(results, "study")) == len(lost))
        said, _ = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert said.count("lost its worker, starts again: ") == RESTARTS + 1
    assert "1 trial lost its worker and started again; `ablatune status study.yaml` names where and when" in said
    (record,) = records(tmp_path)
    assert (record.outcome, record.epochs) == ("completed", 1000)
    incidents = read_incidents(results, "study")
    # Ray may notice the last dead node only after the run.
    assert [one.node_lost for one in incidents[:-1]] == [True] * RESTARTS
    assert [node[:6] in one.node for node, one in zip(lost, incidents, strict=True)] == [True] * (RESTARTS + 1)
    assert {one.key for one in incidents} == {record.key}
    status = declared.status()
    assert "lost with their worker and run again: 1 trial" in status
    assert status.count("on node") == RESTARTS + 1


def changed(folder: Path, since: float) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(one.stat().st_mtime > since for one in folder.iterdir() if one.suffix != ".part")
    return False


def wait_for(condition: Callable[[], Any], seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


def test_a_driver_s_secrets_do_not_reach_the_files_of_a_cluster(cluster: Any, tmp_path: Path) -> None:
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    work = tmp_path / "work"
    work.mkdir()
    (work / "study.yaml").write_text("base: {epochs: 2}\ntables: [{factor: hidden_units, levels: [4, 8]}]\n")
    marks = {"AWS_ACCESS_KEY_ID": "MARKED-4721", "AWS_SECRET_ACCESS_KEY": "MARKED-4722", "SOME_TOKEN": "MARKED-4723"}
    done = subprocess.run(
        [sys.executable, "-m", "tune_jobs", "run", "study.yaml", "--address", cluster.address, "--storage", "results"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "HOME": str(tmp_path), **marks},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    session = Path(cluster.head_node.get_session_dir_path())
    logs = (session / "logs" / "runtime_env_agent.log").read_text()
    assert "CUBLAS_WORKSPACE_CONFIG" in logs, "the log is where Ray writes what workers are given"
    files = [path for folder in (session, tmp_path) for path in folder.rglob("*") if path.is_file()]
    found = [path for path in files for mark in marks.values() if mark.encode() in path.read_bytes()]
    assert found == []


@pytest.mark.parametrize("kind", ["tables", "search"])
def test_a_node_that_comes_up_without_the_storage_ends_the_run_and_trains_nothing(
    kind: str, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.add_node(num_cpus=1)

    @contextlib.contextmanager
    def unseen(storage: object) -> Iterator[str]:
        yield ".probe-of-a-folder-that-only-the-driver-has"

    monkeypatch.setattr(ray_session, "probe", unseen)
    texts = {
        "tables": "base: {epochs: 2}\ntables: [{factor: hidden_units, levels: [4, 8]}]\n",
        "search": "base: {epochs: 2}\nsearch: {budget: {trials: 3}, space: {hidden_units: [4, 8, 16]}}\n",
    }
    with pytest.raises(UserError, match=r"node .* does not see it: .*; give a folder that all nodes share, or s3://"):
        study(tmp_path, texts[kind]).run(address=cluster.address)
    assert records(tmp_path) == []
