"""How many trials fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.capacity.packing import Node, at_once, pack, per_gpu
from tune_jobs.study.resources import Resources


@pytest.mark.parametrize(
    ("node", "cpus", "gpus", "count", "limit"),
    [
        (Node("n", 8), 1, 0, 8, "CPU"),
        (Node("n", 8), 3, 0, 2, "CPU"),
        (Node("n", 8, 2), 1, 0.25, 8, "CPU"),
        (Node("n", 16, 2), 1, 0.25, 8, "GPU"),
        (Node("n", 16, 1), 1, 0.3, 3, "GPU"),
        (Node("n", 16, 2), 1, 0.6, 2, "GPU"),
        (Node("n", 16, 3), 1, 2, 1, "GPU"),
        (Node("n", 2), 1, 1, 0, "GPU"),
        (Node("n", 1), 0.1, 0, 10, "CPU"),
    ],
)
def test_a_node_takes_what_its_scarcer_resource_allows(
    node: Node, cpus: float, gpus: float, count: int, limit: str
) -> None:
    packed = pack(node, Resources(cpus, gpus))
    assert (packed.count, packed.limit) == (count, limit)


@given(st.floats(0.01, 1))
def test_sharers_of_a_gpu_never_ask_for_more_than_one(share: float) -> None:
    assert per_gpu(share) * share <= 1 + 1e-5


def test_a_bound_on_all_holds_over_all_nodes() -> None:
    packed = [pack(Node(name, 4), Resources()) for name in "ab"]
    assert at_once(packed, None) == 8
    assert at_once(packed, 3) == 3
