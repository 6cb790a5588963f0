"""The worker groups of an autoscaling cluster: nodes that may be added, even if none is up yet."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_jobs.capacity.ray_nodes import is_head
from tune_jobs.capacity.ray_private import AUTOSCALING_FLAG, GCS_FLAG, reported_cluster_config
from tune_jobs.errors import UserError

_HEAD_TIMEOUT_SECONDS = 60.0
_NO_LIMIT = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerGroup:
    """One kind of node that an autoscaler may add: what each has, and how many there may be."""

    name: str
    cpus: float
    gpus: float
    max_workers: int


@dataclass(frozen=True)
class Autoscaling:
    """What an autoscaler may add: its groups, and how many workers there may be in all."""

    groups: tuple[WorkerGroup, ...] = ()
    max_workers: int = _NO_LIMIT


# There is no autoscaler, or none whose configuration can be read (such as KubeRay's, which runs in another container).
# Then only the nodes that are up count.
NO_AUTOSCALING = Autoscaling()


def find_autoscaling(nodes: Sequence[Mapping[str, Any]]) -> Autoscaling:
    """Find out what the autoscaler of the running cluster may add; `NO_AUTOSCALING` if that cannot be found out.

    Ray passes on what a platform reported to it. The autoscaler that `ray up` starts reports nothing: its
    configuration is read on the head, from the file that its process was started with.

    Args:
        nodes: of `ray.nodes()`, those that are up.
    """
    return _reported() or _read_on_head(nodes) or NO_AUTOSCALING


def _reported() -> Autoscaling | None:
    try:
        config = reported_cluster_config()
    except UserError:
        raise
    except Exception:  # a private part of Ray: whatever goes wrong, the file may still be there
        _log.info("Ray does not say which nodes its autoscaler may add", exc_info=True)
        return None
    if config is None or not config.node_group_configs:
        return None
    groups = [
        _group(group.name, group.resources, _NO_LIMIT if group.max_count < 0 else group.max_count)
        for group in config.node_group_configs
    ]
    return _autoscaling(groups, _NO_LIMIT)


def _read_on_head(nodes: Sequence[Mapping[str, Any]]) -> Autoscaling | None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    head = next((node["NodeID"] for node in nodes if is_head(node)), None)
    if head is None:
        return None
    try:
        on_head = NodeAffinitySchedulingStrategy(head, soft=False)
        task = ray.remote(num_cpus=0, max_retries=0)(_autoscaling_of_this_node).options(scheduling_strategy=on_head)
        found: Autoscaling | None = ray.get(task.remote(), timeout=_HEAD_TIMEOUT_SECONDS)
    except ray.exceptions.RayError as error:  # a time-out is one too
        _log.info("the head does not say which nodes its autoscaler may add: %s", error)
        return None
    return found


def _autoscaling_of_this_node() -> Autoscaling | None:
    """Read it on the node, because the driver may know the cluster by another address than its head does."""
    import ray

    return autoscaling_of_process(ray.get_runtime_context().gcs_address)


def autoscaling_of_process(gcs_address: str, processes: Path = Path("/proc")) -> Autoscaling | None:
    """Read the configuration of the autoscaler that runs on this machine for a cluster; None if none does."""
    for process in processes.glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended, or is another user's
            continue
        file = config_file(words)
        if f"{GCS_FLAG}{gcs_address}" in words and file is not None:
            return read_autoscaling(file)
    return None


def config_file(words: Iterable[str]) -> Path | None:
    """Find, in a process's command line, the file that an autoscaler was started with; None for other processes."""
    found = next((word for word in words if word.startswith(AUTOSCALING_FLAG)), None)
    return None if found is None else Path(found.removeprefix(AUTOSCALING_FLAG)).expanduser()


def read_autoscaling(path: Path) -> Autoscaling | None:
    """Read a configuration file of `ray up`; None if it cannot be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return autoscaling_of(YAML(typ="safe", pure=True).load(path.read_text()))
    except (OSError, ValueError, TypeError, AttributeError, YAMLError) as error:
        _log.info("%s: the autoscaler's configuration cannot be read: %s", path, error)
        return None


def autoscaling_of(config: Mapping[str, Any]) -> Autoscaling:
    """Read from a configuration of `ray up` what the autoscaler may add.

    A kind of node that declares neither CPUs nor GPUs is left out: the autoscaler starts none for a trial.
    """
    max_workers = int(config.get("max_workers", _NO_LIMIT))
    head = config.get("head_node_type")
    return _autoscaling(
        [
            _group(name, kind.get("resources") or {}, int(kind.get("max_workers", 0 if name == head else max_workers)))
            for name, kind in (config.get("available_node_types") or {}).items()
        ],
        max_workers,
    )


def _group(name: str, resources: Mapping[str, float], max_workers: int) -> WorkerGroup:
    return WorkerGroup(str(name), float(resources.get("CPU", 0)), float(resources.get("GPU", 0)), max_workers)


def _autoscaling(groups: Iterable[WorkerGroup], max_workers: int) -> Autoscaling:
    usable = (group for group in groups if group.max_workers > 0 and (group.cpus or group.gpus))
    return Autoscaling(tuple(usable), max_workers)
