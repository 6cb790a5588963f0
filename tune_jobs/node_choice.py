"""Which kind of node a cluster starts next: spot first, on-demand where spot cannot be had, GPUs for GPU trials alone.

Ray's autoscaler calls `score` where its environment names it: RAY_AUTOSCALER_UTILIZATION_SCORER. Its own choice knows
nothing of spot, goes on asking for a kind of node that the cloud has run out of, and starts nodes with GPUs for trials
without when nothing else is left.
"""

from typing import Any

from ray.autoscaler._private.resource_demand_scheduler import _resource_based_utilization_scorer

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
    gpus = node_resources.get("GPU", 0) > 0
    fit = _resource_based_utilization_scorer(
        node_resources,
        [wanted for wanted in resources if (wanted.get("GPU", 0) > 0) == gpus],
        node_availability_summary=node_availability_summary,
    )
    if fit is None:
        return None
    tried = node_availability_summary.node_availabilities.get(node_type)
    return (tried is None or tried.is_available, ON_DEMAND not in node_type, *fit)
