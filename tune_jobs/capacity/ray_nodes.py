"""The nodes of the cluster that Ray is connected to, and what `ray.nodes()` says about each."""

from collections.abc import Mapping
from typing import Any

from tune_jobs.capacity.ray_private import HEAD_RESOURCE


def alive_nodes() -> list[dict[str, Any]]:
    """List the nodes that are up, as in `ray.nodes()`."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def is_head(node: Mapping[str, Any]) -> bool:
    """Whether a node is the cluster's head."""
    return HEAD_RESOURCE in node["Resources"]


def node_name(node: Mapping[str, Any]) -> str:
    """Name a node for people: its address and the start of its id, since several nodes may share an address."""
    return f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
