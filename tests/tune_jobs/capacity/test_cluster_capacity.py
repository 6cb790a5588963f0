"""Which nodes there are for trials, and which may come up."""

from typing import Any

import pytest

from tune_jobs.capacity.cluster_capacity import ClusterCapacity, capacity_of
from tune_jobs.capacity.packing import Node
from tune_jobs.capacity.worker_groups import NO_AUTOSCALING, Autoscaling, WorkerGroup
from tune_jobs.errors import UserError
from tune_jobs.study.resources import Resources

CPU_GROUP, GPU_GROUP = WorkerGroup("cpu_small", 2, 0, 3), WorkerGroup("gpu_spot", 8, 1, 4)
BOTH = Autoscaling((CPU_GROUP, GPU_GROUP), 5)
HEAD = Node("head", 0)
QUARTER = Resources(1, 0.25)


def test_a_request_that_nothing_fits_says_what_would() -> None:
    with pytest.raises(UserError) as raised:
        ClusterCapacity(HEAD, [Node("w", 2)], BOTH).check(Resources(16, 1))
    assert str(raised.value) == (
        "a trial asks for 16 CPU and 1 GPU, but the largest node has 2 CPU and 0 GPU; worker group cpu_small (up to 3) "
        "has 2 CPU and 0 GPU per node; worker group gpu_spot (up to 4) has 8 CPU and 1 GPU per node; lower "
        "--cpus-per-trial or --gpus-per-trial"
    )
    with pytest.raises(UserError, match="the largest node has 0 CPU and 0 GPU; lower --cpus-per-trial"):
        ClusterCapacity(HEAD).check(Resources())


def test_a_request_that_only_a_worker_group_fits_waits_for_it() -> None:
    capacity = ClusterCapacity(HEAD, [], BOTH)
    assert capacity.check(Resources()).startswith("waiting for the autoscaler: ")
    assert "worker group cpu_small (up to 3) can" in capacity.check(Resources())
    assert "worker group gpu_spot (up to 4) can" in capacity.check(QUARTER)
    assert ClusterCapacity(HEAD, [Node("w", 2)], BOTH).check(Resources()) == ""
    assert "gpu_spot" in ClusterCapacity(HEAD, [Node("w", 2)], BOTH).check(QUARTER)


def test_trials_scale_from_zero_to_the_groups_maximum() -> None:
    capacity = ClusterCapacity(HEAD, [], BOTH)
    assert capacity.at_once(QUARTER) == 16
    assert [node.name for node in capacity.nodes_to_add(QUARTER)] == ["gpu_spot"] * 4
    assert capacity.at_once(QUARTER, 3) == 3
    assert capacity.request_limit(QUARTER, None) is None
    assert capacity.request_limit(QUARTER, 7) == 7


def test_trials_without_gpus_never_make_the_autoscaler_bring_up_gpus() -> None:
    capacity = ClusterCapacity(HEAD, [], BOTH)
    assert [node.name for node in capacity.nodes_to_add(Resources())] == ["cpu_small"] * 3
    assert capacity.request_limit(Resources(), None) == 6
    assert capacity.request_limit(Resources(), 2) == 2
    assert ClusterCapacity(HEAD, [Node("g", 8, 1)], BOTH).request_limit(Resources(), None) == 6
    large = Resources(4)
    assert {node.name for node in capacity.nodes_to_add(large)} == {"gpu_spot"}, "no other group fits"
    assert capacity.request_limit(large, None) is None
    assert ClusterCapacity(Node("head", 2, 1)).request_limit(Resources(), None) is None, "nothing scales"


def test_nodes_that_are_up_count_against_their_group_and_all_against_the_whole() -> None:
    up = [Node("a", 2), Node("b", 8, 1)]
    assert len(ClusterCapacity(HEAD, up, BOTH).nodes_to_add(Resources())) == 2
    assert len(ClusterCapacity(HEAD, up, BOTH).nodes_to_add(QUARTER)) == 3
    assert len(ClusterCapacity(HEAD, [*up, *up], BOTH).nodes_to_add(QUARTER)) == 1, "five workers are the most in all"
    assert ClusterCapacity(HEAD, up, BOTH).at_once(QUARTER) == 16
    assert ClusterCapacity(Node("head", 8, 1), [], BOTH).at_once(QUARTER) == 20, "the head is of no group"


def test_the_head_is_told_from_the_workers() -> None:
    def node(**resources: float) -> dict[str, Any]:
        return {"NodeID": "abcdef0", "NodeManagerAddress": "10.0.0.1", "Resources": resources}

    capacity = capacity_of([node(CPU=2), node(**{"node:__internal_head__": 1}), node(CPU=4, GPU=1)], autoscaled=False)
    assert capacity.head == Node("10.0.0.1 (abcdef)", 0.0, 0.0)
    assert [(one.cpus, one.gpus) for one in capacity.workers] == [(2, 0), (4, 1)]
    assert capacity.autoscaling == NO_AUTOSCALING
