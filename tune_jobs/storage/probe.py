"""Whether the storage can be written: from here, and from every node of a cluster."""

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tune_jobs.errors import UserError, first_line
from tune_jobs.storage.s3 import forget_folder
from tune_jobs.storage.storage import Storage

_ANSWER_SECONDS = 60.0
_DRAIN_SECONDS = 10.0


@contextmanager
def probe(storage: Storage) -> Iterator[str]:
    """Write a file into the storage and yield its name; nothing is left behind, no folder either.

    Raises:
        StorageError: the storage cannot be written.
    """
    name = f".probe-{uuid.uuid4().hex}"
    root = storage.local_root
    fresh = storage.is_s3 and "/" in storage.root and not storage.exists()
    new = [] if root is None else [folder for folder in (root, *root.parents) if not folder.exists()]
    storage.write(b"", name)
    try:
        yield name
    finally:
        storage.delete(name)
        if fresh:
            forget_folder(storage.uri)
        with contextlib.suppress(OSError):
            for folder in new:
                folder.rmdir()


def look(uri: str, name: str, patience_seconds: float = 0.0) -> str:
    """Return what keeps this machine from using the storage that a probe was written into; "" if nothing does.

    Args:
        uri: of the storage.
        name: of the probe.
        patience_seconds: for how long an outage is waited out.
    """
    try:
        storage = Storage.at(uri).patient(patience_seconds)
        if name not in storage.names():
            return "does not see it: another folder of the same name is there, or none"
        # The same again: what this machine added, the other one would not delete.
        storage.write(b"", name)
    except (UserError, OSError) as error:
        return f"cannot use it: {first_line(error)}"
    return ""


def in_words(storage: Storage, problem: str) -> str:
    """Return in a line that a node cannot use the storage, and what to do; the problem names the node."""
    advice = "mend that" if storage.is_s3 else "give a folder that all nodes share, or s3://…"
    return f"--storage {storage.uri}: {problem}; {advice}"


def look_from_nodes(storage: Storage, nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what keeps each node of the running cluster from using the storage, by the node's name.

    A node that goes away meanwhile, as an idle one of an autoscaler does, is left out.

    Args:
        storage: that this machine can write.
        nodes: of `ray.nodes()`.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    with probe(storage) as name:
        remote = ray.remote(num_cpus=0, max_retries=0)(look)
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
    """Return whether a node is gone, or is within the time that an autoscaler takes to drain it."""
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


def node_name(node: Mapping[str, Any]) -> str:
    """Return what a person knows a node of `ray.nodes()` by: its address, and a part of its id, as several may share
    one."""
    return f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
