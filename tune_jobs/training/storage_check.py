"""Checks that every node of a cluster can use the storage; what a node trains would otherwise be lost."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tune_jobs.capacity.ray_nodes import alive_nodes, node_name
from tune_jobs.errors import UserError
from tune_jobs.storage.probe import probe, storage_problem
from tune_jobs.storage.storage import Storage

_ANSWER_SECONDS = 60.0
_DRAIN_SECONDS = 10.0


def refusal(storage: Storage, problem: str) -> str:
    """Say that a node cannot use the storage, and what to do; the problem names the node."""
    advice = "fix that" if storage.is_s3 else "give a folder that all nodes share, or s3://…"
    return f"--storage {storage.uri}: {problem}; {advice}"


def look_from_nodes(storage: Storage, nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Ask each node of the running cluster what keeps it from using the storage ("" for nothing), by the node's name.

    A node that goes away meanwhile, as an autoscaler's idle nodes do, is left out.

    Args:
        storage: that this machine can write.
        nodes: of `ray.nodes()`.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    with probe(storage) as name:
        remote = ray.remote(num_cpus=0, max_retries=0)(storage_problem)
        names = {node["NodeID"]: node_name(node) for node in nodes}
        answers = {
            node["NodeID"]: remote.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(storage.shared_uri, name)
            for node in nodes
        }
        ready, _ = ray.wait(list(answers.values()), num_returns=len(answers), timeout=_ANSWER_SECONDS)
        found = {node: _answer(answer) if answer in ready else _SILENT for node, answer in answers.items()}
        return {names[node]: problem for node, problem in found.items() if not (problem and _goes_away(node))}


def _goes_away(node: str) -> bool:
    """Wait as long as an autoscaler takes to drain a node; say whether the node is gone by then."""
    import ray

    until = time.monotonic() + _DRAIN_SECONDS
    while any(one["NodeID"] == node and one["Alive"] for one in ray.nodes()):  # type: ignore[no-untyped-call]
        if time.monotonic() >= until:
            return False
        time.sleep(0.5)
    return True


_SILENT = f"did not answer within {_ANSWER_SECONDS:.0f} s"


def _answer(reference: Any) -> str:
    import ray

    try:
        return str(ray.get(reference))
    except ray.exceptions.RayError as error:
        return f"could not be asked: {str(error).strip().splitlines()[-1]}"


def check_storage(storage: Storage) -> None:
    """Check that all nodes can use the storage: what is trained on others would be lost.

    Raises:
        UserError: names the first node that cannot, and why.
    """
    for node, problem in look_from_nodes(storage, alive_nodes()).items():
        if problem:
            raise UserError(refusal(storage, f"node {node} {problem}"))
