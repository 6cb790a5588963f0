"""The worker groups of an autoscaling cluster: nodes that may come up, though none of them may be there yet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ANSWER_SECONDS = 60.0
# Stands for "without a limit".
_MANY = 1000


@dataclass(frozen=True)
class WorkerGroup:
    """Nodes of one kind that the autoscaler may bring up: what each offers, and how many there may be."""

    name: str
    cpus: float
    gpus: float
    most: int


@dataclass(frozen=True)
class Scaling:
    """What an autoscaler may bring up: its groups, and how many workers in all."""

    groups: tuple[WorkerGroup, ...] = ()
    most: int = _MANY


# No autoscaler, or one of which nothing is known (such as KubeRay's, which runs in a container of its own): then the
# nodes that are up count alone.
UNKNOWN = Scaling()


def scaling(nodes: Sequence[Mapping[str, Any]]) -> Scaling:
    """Return what the autoscaler of the running cluster may bring up; `UNKNOWN` where that cannot be found out.

    Ray passes on what a platform reported to it. The autoscaler that `ray up` starts reports nothing: its
    configuration is read on the head node, from the file that its process was started with.

    Args:
        nodes: of `ray.nodes()`, those that are up.
    """
    return _reported() or _on_the_head(nodes) or UNKNOWN


def _reported() -> Scaling | None:
    try:
        from ray._private.state import state

        config = state.get_cluster_config()
    except Exception:  # Ray's own, private: whatever it does, the file may still be there
        return None
    if config is None or not config.node_group_configs:
        return None
    kinds = [
        _group(one.name, one.resources, _MANY if one.max_count < 0 else one.max_count)
        for one in config.node_group_configs
    ]
    return _scaling(kinds, _MANY)


def _on_the_head(nodes: Sequence[Mapping[str, Any]]) -> Scaling | None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    head = next((node["NodeID"] for node in nodes if is_head(node)), None)
    if head is None:
        return None
    try:
        there = NodeAffinitySchedulingStrategy(head, soft=False)
        asked = ray.remote(num_cpus=0, max_retries=0)(_configured_here).options(scheduling_strategy=there)
        found: Scaling | None = ray.get(asked.remote(), timeout=_ANSWER_SECONDS)
    except ray.exceptions.RayError:  # a time-out is one as well
        return None
    return found


def _configured_here() -> Scaling | None:
    """Return what the autoscaler beside this worker was configured with; the driver may know the cluster by another
    address than its head does."""
    import ray

    return configured(ray.get_runtime_context().gcs_address)


def is_head(node: Mapping[str, Any]) -> bool:
    """Return whether a node of `ray.nodes()` is the cluster's head."""
    return "node:__internal_head__" in node["Resources"]


def configured(gcs_address: str, processes: Path = Path("/proc")) -> Scaling | None:
    """Return what the autoscaler that runs on this machine for a cluster was configured with; None without one."""
    for process in processes.glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        file = config_file(words)
        if f"--gcs-address={gcs_address}" in words and file is not None:
            return read_scaling(file)
    return None


def config_file(words: Iterable[str]) -> Path | None:
    """Return the file that a process of the autoscaler was started with; None for another process."""
    flag = "--autoscaling-config="
    return next((Path(word.removeprefix(flag)).expanduser() for word in words if word.startswith(flag)), None)


def read_scaling(path: Path) -> Scaling | None:
    """Return what the configuration in a file lets the autoscaler bring up; None where it cannot be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return scaling_of(YAML(typ="safe", pure=True).load(path.read_text()))
    except (OSError, ValueError, TypeError, AttributeError, YAMLError):
        return None


def scaling_of(config: Mapping[str, Any]) -> Scaling:
    """Return what a configuration of `ray up` lets the autoscaler bring up.

    A kind of node without declared CPUs and GPUs is none that the autoscaler starts for a trial.
    """
    most = int(config.get("max_workers", _MANY))
    head = config.get("head_node_type")
    return _scaling(
        [
            _group(name, kind.get("resources") or {}, int(kind.get("max_workers", 0 if name == head else most)))
            for name, kind in (config.get("available_node_types") or {}).items()
        ],
        most,
    )


def _group(name: str, resources: Mapping[str, float], most: int) -> WorkerGroup:
    return WorkerGroup(str(name), float(resources.get("CPU", 0)), float(resources.get("GPU", 0)), most)


def _scaling(groups: Iterable[WorkerGroup], most: int) -> Scaling:
    return Scaling(tuple(one for one in groups if one.most > 0 and (one.cpus or one.gpus)), most)
