"""Where and how a trial ran: code version, packages, host, and the kind of machine its bits depend on."""

import functools
import json
import os
import platform
import shlex
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tune_jobs.errors import redacted

PACKAGES = ("numpy", "ray", "torch")
_ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def code_version() -> str:
    """Return the project's version, with the commit (and "modified") where it runs from a git checkout."""
    version = metadata.version("ablatune") if _installed() else "0"
    if not (_ROOT / ".git").exists():
        return version
    try:
        described = subprocess.run(
            ["git", "-C", str(_ROOT), "describe", "--always", "--dirty=-modified", "--exclude=*", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}+{described}"


@functools.cache
def packages() -> str:
    """Return name to version, as JSON, of Python and the packages that numbers may depend on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(versions)


@functools.cache
def host() -> str:
    """Return the host's name."""
    return socket.gethostname()


def node() -> str:
    """Return the id of the node of Ray that this process works on; "" for none."""
    ray = sys.modules.get("ray")
    return str(ray.get_runtime_context().get_node_id()) if ray is not None and ray.is_initialized() else ""


def gpu() -> str:
    """Return which GPUs of its machine a worker was assigned, as it is told by Ray; "" where it was not told."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


def command() -> str:
    """Return the command line that started this process, without credentials."""
    return redacted(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))


def machine_kind(device: str, threads: int) -> str:
    """Return what the bits of a trajectory depend on: device, instruction set, torch version, threads."""
    import torch

    unit = torch.cuda.get_device_name(device) if device.startswith("cuda") else torch.backends.cpu.get_cpu_capability()
    pool = f"{threads} thread{'s' * (threads != 1)}"
    return f"{device.partition(':')[0]}/{platform.machine()}/{unit}/torch {torch.__version__}/{pool}"


def _installed() -> bool:
    try:
        metadata.version("ablatune")
    except metadata.PackageNotFoundError:
        return False
    return True
