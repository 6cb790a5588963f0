"""What a cluster offers to trials: the nodes that are up, and those that an autoscaler may add."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.capacity.packing import Node, at_once, pack
from tune_jobs.capacity.ray_nodes import is_head, node_name
from tune_jobs.capacity.worker_groups import NO_AUTOSCALING, Autoscaling, WorkerGroup, find_autoscaling
from tune_jobs.errors import UserError
from tune_jobs.study.resources import Resources


@dataclass(frozen=True)
class ClusterCapacity:
    """The nodes of a cluster, and what its autoscaler may add.

    Attributes:
        head: the head node, which belongs to no worker group; None in tests without one.
        workers: the other nodes that are up.
        autoscaling: what may be added.
    """

    head: Node | None
    workers: Sequence[Node] = ()
    autoscaling: Autoscaling = NO_AUTOSCALING

    @property
    def up(self) -> list[Node]:
        """The nodes that are up."""
        return [*([self.head] if self.head is not None else []), *self.workers]

    def nodes_to_add(self, resources: Resources) -> list[Node]:
        """List the nodes that an autoscaler may still add for such trials, each named after its group.

        For trials without GPUs it adds no GPU node as long as they fit a group without GPUs.
        """
        left = self.autoscaling.max_workers - len(self.workers)
        unassigned = Counter((node.cpus, node.gpus) for node in self.workers)
        found: list[Node] = []
        for group in self._suitable_groups(resources):
            taken = min(group.max_workers, unassigned[group.cpus, group.gpus])
            unassigned[group.cpus, group.gpus] -= taken
            count = max(0, min(group.max_workers - taken, left - len(found)))
            found += [_node_of(group)] * count
        return found

    def _suitable_groups(self, resources: Resources) -> list[WorkerGroup]:
        fitting = [group for group in self.autoscaling.groups if pack(_node_of(group), resources).count]
        without_gpus = [group for group in fitting if not group.gpus]
        return without_gpus if without_gpus and not resources.gpus_per_trial else fitting

    def at_once(self, resources: Resources, max_concurrent: int | None = None) -> int:
        """Count the trials that run at once when all nodes that may be added are up."""
        nodes = [*self._usable(resources), *self.nodes_to_add(resources)]
        return at_once([pack(node, resources) for node in nodes], max_concurrent)

    def _usable(self, resources: Resources) -> list[Node]:
        """List the nodes that are up and count for such trials: not GPU nodes for trials that fit a group without."""
        gpu_nodes = {(group.cpus, group.gpus) for group in self.autoscaling.groups if group.gpus}
        cpu_group_fits = any(not group.gpus for group in self._suitable_groups(resources))
        if resources.gpus_per_trial or not cpu_group_fits:
            return self.up
        return [node for node in self.up if (node.cpus, node.gpus) not in gpu_nodes]

    def request_limit(self, resources: Resources, max_concurrent: int | None) -> int | None:
        """Limit the trials for which Tune may request resources at once; None for no limit.

        The autoscaler adds nodes for every request. More requests without GPUs than the groups without GPUs can serve
        would start GPU nodes.
        """
        if resources.gpus_per_trial or not any(group.gpus for group in self.autoscaling.groups):
            return max_concurrent
        if all(group.gpus for group in self._suitable_groups(resources)):
            return max_concurrent
        return max(1, self.at_once(resources, max_concurrent))

    def check(self, resources: Resources) -> str:
        """Say in one line what trials wait for; "" if a node that is up can take one.

        Raises:
            UserError: no node that is up or may be added can ever hold a trial.
        """
        if any(pack(node, resources).count for node in self.up):
            return ""
        suitable = self._suitable_groups(resources)
        if suitable:
            groups = " or ".join(f"{group.name} (up to {group.max_workers})" for group in suitable)
            return f"waiting for the autoscaler: no node that is up can hold a trial; worker group {groups} can"
        cpus = max((node.cpus for node in self.up), default=0.0)
        gpus = max((node.gpus for node in self.up), default=0.0)
        groups = "".join(
            f"; worker group {group.name} (up to {group.max_workers}) has {_in_words(group.cpus, group.gpus)} per node"
            for group in self.autoscaling.groups
        )
        raise UserError(
            f"a trial asks for {_in_words(resources.cpus_per_trial, resources.gpus_per_trial)}, but the largest node "
            f"has {_in_words(cpus, gpus)}{groups}; lower --cpus-per-trial or --gpus-per-trial"
        )


def capacity_of(nodes: Sequence[Mapping[str, Any]], *, autoscaled: bool) -> ClusterCapacity:
    """Read the capacity of the nodes of `ray.nodes()` and, if asked for, what an autoscaler may add to them."""
    heads = [_node(node) for node in nodes if is_head(node)]
    workers = [_node(node) for node in nodes if not is_head(node)]
    autoscaling = find_autoscaling(nodes) if autoscaled else NO_AUTOSCALING
    return ClusterCapacity(heads[0] if heads else None, workers, autoscaling)


def _node(node: Mapping[str, Any]) -> Node:
    return Node(node_name(node), node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))


def _node_of(group: WorkerGroup) -> Node:
    return Node(group.name, group.cpus, group.gpus)


def _in_words(cpus: float, gpus: float) -> str:
    return f"{cpus:g} CPU and {gpus:g} GPU"
