"""How many trials fit on a node, and on several."""

from collections.abc import Sequence
from dataclasses import dataclass

from tune_jobs.study.resources import Resources

# Rounding error of a sum of fractions of a GPU, such as three times 0.333….
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Node:
    """A node's name, CPUs and GPUs."""

    name: str
    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True)
class Slots:
    """How many trials a node holds at once, and which resource limits the number: "CPU" or "GPU"."""

    node: Node
    count: int
    limit: str


def pack(node: Node, resources: Resources) -> Slots:
    """Count the trials that fit on a node; no trial spans parts of two GPUs."""
    by_cpu = int(node.cpus / resources.cpus_per_trial + _TOLERANCE)
    wanted = resources.gpus_per_trial
    if not wanted:
        return Slots(node, by_cpu, "CPU")
    by_gpu = int(node.gpus) * per_gpu(wanted) if wanted < 1 else int(node.gpus / wanted + _TOLERANCE)
    return Slots(node, min(by_cpu, by_gpu), "GPU" if by_gpu < by_cpu else "CPU")


def per_gpu(gpus_per_trial: float) -> int:
    """Count the trials that share one GPU."""
    return int(1 / gpus_per_trial + _TOLERANCE) if 0 < gpus_per_trial < 1 else 1


def at_once(packed: Sequence[Slots], max_concurrent: int | None) -> int:
    """Count the trials that run at once on all nodes."""
    fitting = sum(slots.count for slots in packed)
    return fitting if max_concurrent is None else min(fitting, max_concurrent)
