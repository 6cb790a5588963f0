"""Has this machine measured by other processes: PyTorch, which they import, would stay in the driver's memory."""

import functools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tune_jobs.stacking.memory import Peak, StackMemory, fitted
from tune_jobs.stacking.rule import Rule

_PILOT = "tune_jobs.stacking.pilot"
_MOST_SECONDS = 120.0


@functools.cache
def machine_kind(device: str) -> str:
    """Return this machine's kind, with one thread; "" if it has no such device or that cannot be found out.

    Args:
        device: "cpu" or "cuda".
    """
    found = _answers(device, 1, "--kind")
    return str(found[0].get("machine_kind", "")) if found else ""


def measure_rule(device: str = "cpu", processes: int = 1) -> Rule | None:
    """Measure what stacking gains on this machine, in some seconds; None if that fails.

    Args:
        device: "cpu" or "cuda".
        processes: how many measure at once; the mean of their ratios counts.
    """
    found = _answers(device, processes)
    try:
        points = [one["points"] for one in found]
        sizes = tuple(size for size, _ in points[0])
        of_sizes = zip(*([ratio for _, ratio in one] for one in points), strict=True)
        ratios = tuple(sum(ratios) / processes for ratios in of_sizes)
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Rule(machine_kind(device), sizes, ratios, memory_found(found))


def memory_found(found: Sequence[Mapping[str, Any]]) -> StackMemory | None:
    """Fit what the processes that share a GPU have found of its memory; None if they found nothing.

    Args:
        found: of each process, its `peaks`, and how many bytes of the GPU were `free` when it began.
    """
    measured = [Peak(**peak) for one in found for peak in one.get("peaks", ())]
    # The first process found more free than those after it, which found its memory taken.
    free = max((one.get("free") or 0 for one in found), default=0)
    return fitted(measured, free / len(found)) if measured else None


def _answers(device: str, processes: int, *arguments: str) -> list[Any]:
    """Return what each process says; nothing if one of them fails."""
    command = [sys.executable, "-m", _PILOT, device, *arguments]
    started: list[subprocess.Popen[str]] = []
    try:
        for _ in range(processes):
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        return [json.loads(process.communicate(timeout=_MOST_SECONDS)[0]) for process in started]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return []
    finally:
        for process in started:
            process.kill()
            process.wait()
