"""Which kind of node an autoscaler adds next: spot first, on-demand when spot is sold out, GPUs only for GPU trials.

Ray's autoscaler calls `score` if its environment says so: RAY_AUTOSCALER_UTILIZATION_SCORER. Ray's default knows
nothing of spot instances, keeps asking for a kind of node that the cloud has run out of, and starts GPU nodes for
trials without GPUs once nothing else is left.
"""

import functools
import math
import sys
from pathlib import Path
from typing import Any

from tune_jobs.capacity.ray_private import utilization_scorer
from tune_jobs.capacity.worker_groups import Autoscaling, config_file, read_autoscaling

ON_DEMAND = "on_demand"


def score(
    node_resources: dict[str, Any],
    resources: list[dict[str, Any]],
    node_type: str,
    *,
    node_availability_summary: Any,
) -> tuple[float, ...] | None:
    """Score how well a new node would serve the waiting requests, higher for better; None if it is of no use.

    Args:
        node_resources: of the new node.
        resources: of each waiting request.
        node_type: its name in the cluster's file; on-demand ones have `on_demand` in it.
        node_availability_summary: which kinds the cloud has refused recently.
    """
    gpus, cpus_without = node_resources.get("GPU", 0) > 0, _most_cpus_without_gpus()
    fit = utilization_scorer()(
        node_resources,
        [wanted for wanted in resources if (wanted.get("GPU", 0) > 0 or wanted.get("CPU", 0) > cpus_without) == gpus],
        node_availability_summary=node_availability_summary,
    )
    if fit is None:
        return None
    tried = node_availability_summary.node_availabilities.get(node_type)
    return (tried is None or tried.is_available, ON_DEMAND not in node_type, *fit)


def _most_cpus_without_gpus() -> float:
    """The CPUs of the largest kind of node without GPUs: a request for more needs a GPU node. inf if unknown."""
    file = config_file(sys.argv)
    known = _read(file, file.stat().st_mtime_ns) if file is not None and file.is_file() else None
    if known is None:
        return math.inf
    return max((group.cpus for group in known.groups if not group.gpus), default=-math.inf)


@functools.lru_cache(maxsize=1)
def _read(file: Path, changed: int) -> Autoscaling | None:
    return read_autoscaling(file)
