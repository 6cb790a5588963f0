"""Where and how a trial ran: code version, packages, host, and the kind of machine its bits depend on."""

import functools
import json
import logging
import os
import platform
import shlex
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tune_jobs.errors import redacted
from tune_jobs.words import counted

PACKAGES = ("numpy", "ray", "torch")
_ROOT = Path(__file__).resolve().parents[2]

_log = logging.getLogger(__name__)


@functools.cache
def code_version() -> str:
    """The project's version; in a git checkout also the commit, and "modified" if files differ from it."""
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
    except (OSError, subprocess.SubprocessError) as error:
        _log.info("git does not say which commit %s is at: %s", _ROOT, error)
        return version
    return f"{version}+{described}"


@functools.cache
def packages() -> str:
    """The versions of Python and of the packages that numbers may depend on, by name, as JSON."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(versions)


@functools.cache
def host() -> str:
    """The host's name."""
    return socket.gethostname()


def node() -> str:
    """The id of the Ray node that this process runs on; "" without Ray."""
    ray = sys.modules.get("ray")
    return str(ray.get_runtime_context().get_node_id()) if ray is not None and ray.is_initialized() else ""


def gpu() -> str:
    """The GPUs that Ray assigned to this worker; "" for none."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


def command() -> str:
    """The command line that started this process, without credentials."""
    return redacted(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))


def machine_kind(device: str, threads: int) -> str:
    """What the bits of a trajectory depend on: device, instruction set, torch version, threads."""
    import torch

    unit = torch.cuda.get_device_name(device) if device.startswith("cuda") else torch.backends.cpu.get_cpu_capability()
    return "/".join(
        [
            device.partition(":")[0],
            platform.machine(),
            unit,
            f"torch {torch.__version__}",
            counted(threads, "thread"),
        ]
    )


def _installed() -> bool:
    try:
        metadata.version("ablatune")
    except metadata.PackageNotFoundError:
        return False
    return True
