"""Room for trials: the nodes that are up, and those that an autoscaler may bring up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.capacity.packing import Node, at_once, pack
from tune_jobs.capacity.worker_groups import UNKNOWN, Scaling, WorkerGroup, is_head, scaling
from tune_jobs.errors import UserError
from tune_jobs.study.resources import Resources


@dataclass(frozen=True)
class Room:
    """What a cluster offers to trials.

    Attributes:
        head: the head node, which no worker group holds; None where it is none of the nodes, as in tests.
        workers: the other nodes that are up.
        scaling: what may come up.
    """

    head: Node | None
    workers: Sequence[Node] = ()
    scaling: Scaling = UNKNOWN

    @property
    def up(self) -> list[Node]:
        """The nodes that are up."""
        return [*([self.head] if self.head is not None else []), *self.workers]

    def to_come(self, resources: Resources) -> list[Node]:
        """Return the nodes that an autoscaler may still bring up for such trials, each named after its group.

        Nodes with GPUs are not brought up for trials without where any group has none.
        """
        left = self.scaling.most - len(self.workers)
        there = Counter((node.cpus, node.gpus) for node in self.workers)
        found: list[Node] = []
        for group in self._suited(resources):
            taken = min(group.most, there[group.cpus, group.gpus])
            there[group.cpus, group.gpus] -= taken
            count = max(0, min(group.most - taken, left - len(found)))
            found += [Node(group.name, group.cpus, group.gpus)] * count
        return found

    def _suited(self, resources: Resources) -> list[WorkerGroup]:
        fitting = [group for group in self.scaling.groups if pack(_node_of(group), resources).count]
        plain = [group for group in fitting if not group.gpus]
        return plain if plain and not resources.gpus_per_trial else fitting

    def at_once(self, resources: Resources, max_concurrent: int | None = None) -> int:
        """Return how many trials run at once when all nodes that may come up are."""
        nodes = [*self._used(resources), *self.to_come(resources)]
        return at_once([pack(node, resources) for node in nodes], max_concurrent)

    def _used(self, resources: Resources) -> list[Node]:
        """Return the nodes that are up and count: of trials without GPUs not those for whose GPUs an autoscaler
        would bring up others."""
        costly = {(group.cpus, group.gpus) for group in self.scaling.groups if group.gpus}
        plain = any(not group.gpus for group in self._suited(resources))
        if resources.gpus_per_trial or not plain:
            return self.up
        return [node for node in self.up if (node.cpus, node.gpus) not in costly]

    def bound(self, resources: Resources, max_concurrent: int | None) -> int | None:
        """Return how many trials Tune may ask room for at once; None for as many as there are.

        Whatever Tune asks for, the autoscaler brings up nodes for: of trials without GPUs, more than the groups
        without GPUs take would start nodes with GPUs.
        """
        if resources.gpus_per_trial or not any(group.gpus for group in self.scaling.groups):
            return max_concurrent
        if all(group.gpus for group in self._suited(resources)):
            return max_concurrent
        return max(1, self.at_once(resources, max_concurrent))

    def check(self, resources: Resources) -> str:
        """Return what trials wait for, in a line; "" where a node that is up can take one.

        Raises:
            UserError: no node that is up or may come up can ever give a trial what it asks for.
        """
        if any(pack(node, resources).count for node in self.up):
            return ""
        suited = self._suited(resources)
        if suited:
            groups = " or ".join(f"{one.name} (up to {one.most})" for one in suited)
            return f"waiting for the autoscaler: no node that is up fits a trial; worker group {groups} does"
        cpus = max((node.cpus for node in self.up), default=0.0)
        gpus = max((node.gpus for node in self.up), default=0.0)
        groups = "".join(
            f"; worker group {one.name} (up to {one.most}) has {offer(one.cpus, one.gpus)} a node"
            for one in self.scaling.groups
        )
        raise UserError(
            f"a trial asks for {offer(resources.cpus_per_trial, resources.gpus_per_trial)}, but the largest node has "
            f"{offer(cpus, gpus)}{groups}; lower --cpus-per-trial or --gpus-per-trial"
        )


def offer(cpus: float, gpus: float) -> str:
    """Return CPUs and GPUs in words."""
    return f"{cpus:g} CPU and {gpus:g} GPU"


def room_of(nodes: Sequence[Mapping[str, Any]], *, autoscaled: bool) -> Room:
    """Return what nodes of `ray.nodes()` offer, and where asked what an autoscaler may add to them."""
    heads = [_offered(node) for node in nodes if is_head(node)]
    workers = [_offered(node) for node in nodes if not is_head(node)]
    return Room(heads[0] if heads else None, workers, scaling(nodes) if autoscaled else UNKNOWN)


def _offered(node: Mapping[str, Any]) -> Node:
    return Node(node_name(node), node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))


def _node_of(group: WorkerGroup) -> Node:
    return Node(group.name, group.cpus, group.gpus)


def node_name(node: Mapping[str, Any]) -> str:
    """Return what a person knows a node of `ray.nodes()` by: its address, and a part of its id, as several may share
    one."""
    return f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
