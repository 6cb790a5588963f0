"""Which kind of node a cluster starts next: spot first, on-demand where spot cannot be had, GPUs for GPU trials alone.

Ray's autoscaler calls `score` where its environment names it: RAY_AUTOSCALER_UTILIZATION_SCORER. Its own choice knows
nothing of spot, goes on asking for a kind of node that the cloud has run out of, and starts nodes with GPUs for trials
without when nothing else is left.
"""

import functools
import math
import sys
from pathlib import Path
from typing import Any

from ray.autoscaler._private.resource_demand_scheduler import _resource_based_utilization_scorer

from tune_jobs.capacity.worker_groups import Scaling, config_file, read_scaling

ON_DEMAND = "on_demand"


def score(
    node_resources: dict[str, Any],
    resources: list[dict[str, Any]],
    node_type: str,
    *,
    node_availability_summary: Any,
) -> tuple[float, ...] | None:
    """Return how well a new node would suit, more for better; None where it is of no use.

    Args:
        node_resources: of such a node.
        resources: what waits for a place.
        node_type: its name in the cluster's file; on-demand ones have `on_demand` in it.
        node_availability_summary: which kinds the cloud refused of late.
    """
    gpus, plain = node_resources.get("GPU", 0) > 0, _cpus_without_gpus()
    fit = _resource_based_utilization_scorer(
        node_resources,
        [wanted for wanted in resources if (wanted.get("GPU", 0) > 0 or wanted.get("CPU", 0) > plain) == gpus],
        node_availability_summary=node_availability_summary,
    )
    if fit is None:
        return None
    tried = node_availability_summary.node_availabilities.get(node_type)
    return (tried is None or tried.is_available, ON_DEMAND not in node_type, *fit)


def _cpus_without_gpus() -> float:
    """Return the CPUs of the largest kind of node without GPUs: what asks for more needs one with. inf if not known."""
    file = config_file(sys.argv)
    known = _read(file, file.stat().st_mtime_ns) if file is not None and file.is_file() else None
    if known is None:
        return math.inf
    return max((group.cpus for group in known.groups if not group.gpus), default=-math.inf)


@functools.lru_cache(maxsize=1)
def _read(file: Path, changed: int) -> Scaling | None:
    return read_scaling(file)
