"""Which nodes there are for trials, and which may come up."""

from pathlib import Path
from typing import Any

import pytest

from tune_jobs.capacity.packing import Node
from tune_jobs.capacity.room import Room, room_of
from tune_jobs.capacity.worker_groups import UNKNOWN, Scaling, WorkerGroup, configured, scaling_of
from tune_jobs.errors import UserError
from tune_jobs.study.resources import Resources

CPU_GROUP, GPU_GROUP = WorkerGroup("cpu_small", 2, 0, 3), WorkerGroup("gpu_spot", 8, 1, 4)
BOTH = Scaling((CPU_GROUP, GPU_GROUP), 5)
HEAD = Node("head", 0)
QUARTER = Resources(1, 0.25)


def test_a_request_that_nothing_fits_says_what_would() -> None:
    with pytest.raises(UserError) as raised:
        Room(HEAD, [Node("w", 2)], BOTH).check(Resources(16, 1))
    assert str(raised.value) == (
        "a trial asks for 16 CPU and 1 GPU, but the largest node has 2 CPU and 0 GPU; worker group cpu_small (up to 3) "
        "has 2 CPU and 0 GPU a node; worker group gpu_spot (up to 4) has 8 CPU and 1 GPU a node; lower "
        "--cpus-per-trial or --gpus-per-trial"
    )
    with pytest.raises(UserError, match="the largest node has 0 CPU and 0 GPU; lower --cpus-per-trial"):
        Room(HEAD).check(Resources())


def test_a_request_that_only_a_worker_group_fits_waits_for_it() -> None:
    room = Room(HEAD, [], BOTH)
    assert room.check(Resources()).startswith("waiting for the autoscaler: ")
    assert "worker group cpu_small (up to 3) does" in room.check(Resources())
    assert "worker group gpu_spot (up to 4) does" in room.check(QUARTER)
    assert Room(HEAD, [Node("w", 2)], BOTH).check(Resources()) == ""
    assert "gpu_spot" in Room(HEAD, [Node("w", 2)], BOTH).check(QUARTER)


def test_trials_scale_from_zero_to_the_groups_maximum() -> None:
    room = Room(HEAD, [], BOTH)
    assert room.at_once(QUARTER) == 16
    assert [node.name for node in room.to_come(QUARTER)] == ["gpu_spot"] * 4
    assert room.at_once(QUARTER, 3) == 3
    assert room.bound(QUARTER, None) is None
    assert room.bound(QUARTER, 7) == 7


def test_trials_without_gpus_never_make_the_autoscaler_bring_up_gpus() -> None:
    room = Room(HEAD, [], BOTH)
    assert [node.name for node in room.to_come(Resources())] == ["cpu_small"] * 3
    assert room.bound(Resources(), None) == 6
    assert room.bound(Resources(), 2) == 2
    assert Room(HEAD, [Node("g", 8, 1)], BOTH).bound(Resources(), None) == 6
    large = Resources(4)
    assert {node.name for node in room.to_come(large)} == {"gpu_spot"}, "no other group fits"
    assert room.bound(large, None) is None
    assert Room(Node("head", 2, 1)).bound(Resources(), None) is None, "nothing scales"


def test_nodes_that_are_up_count_against_their_group_and_all_against_the_whole() -> None:
    up = [Node("a", 2), Node("b", 8, 1)]
    assert len(Room(HEAD, up, BOTH).to_come(Resources())) == 2
    assert len(Room(HEAD, up, BOTH).to_come(QUARTER)) == 3
    assert len(Room(HEAD, [*up, *up], BOTH).to_come(QUARTER)) == 1, "five workers are the most in all"
    assert Room(HEAD, up, BOTH).at_once(QUARTER) == 16
    assert Room(Node("head", 8, 1), [], BOTH).at_once(QUARTER) == 20, "the head is of no group"


def test_the_configuration_of_ray_up_is_read_as_ray_reads_it() -> None:
    config: dict[str, Any] = {
        "max_workers": 6,
        "head_node_type": "head",
        "available_node_types": {
            "head": {"resources": {"CPU": 4}},
            "gpu": {"resources": {"CPU": 8, "GPU": 1, "memory": 1e9}, "max_workers": 4},
            "free": {"resources": {"CPU": 2}},
            "none": {"resources": {"CPU": 2}, "max_workers": 0},
            "unsaid": {"resources": {}},
        },
    }
    expected = (WorkerGroup("gpu", 8, 1, 4), WorkerGroup("free", 2, 0, 6))
    assert scaling_of(config) == Scaling(expected, 6)
    config["available_node_types"]["head"]["max_workers"] = 1
    assert scaling_of(config).groups[0] == WorkerGroup("head", 4, 0, 1)


def process(folder: Path, number: int, *words: str) -> None:
    (folder / str(number)).mkdir()
    (folder / str(number) / "cmdline").write_bytes("\0".join(["python", *words, ""]).encode())


def test_the_autoscaler_of_another_cluster_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("max_workers: 2\navailable_node_types: {w: {resources: {CPU: 4}}}\n")
    (tmp_path / "torn.yaml").write_text("max_workers: [\n")
    process(tmp_path, 1, "monitor.py", "--gcs-address=10.0.0.1:6379", f"--autoscaling-config={tmp_path / 'c.yaml'}")
    process(tmp_path, 2, "monitor.py", "--gcs-address=10.0.0.2:6379")
    process(tmp_path, 3, "monitor.py", "--gcs-address=10.0.0.3:6379", f"--autoscaling-config={tmp_path / 'torn.yaml'}")
    process(tmp_path, 4, "monitor.py", "--gcs-address=10.0.0.4:6379", "--autoscaling-config=/not/there.yaml")
    assert configured("10.0.0.1:6379", tmp_path) == Scaling((WorkerGroup("w", 4, 0, 2),), 2)
    assert [configured(f"10.0.0.{n}:6379", tmp_path) for n in (2, 3, 4, 5)] == [None] * 4


def test_the_head_is_told_from_the_workers() -> None:
    def node(**resources: float) -> dict[str, Any]:
        return {"NodeID": "abcdef0", "NodeManagerAddress": "10.0.0.1", "Resources": resources}

    room = room_of([node(CPU=2), node(**{"node:__internal_head__": 1}), node(CPU=4, GPU=1)], autoscaled=False)
    assert room.head == Node("10.0.0.1 (abcdef)", 0.0, 0.0)
    assert [(one.cpus, one.gpus) for one in room.workers] == [(2, 0), (4, 1)]
    assert room.scaling == UNKNOWN
