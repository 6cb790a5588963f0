"""Whether processes still run."""

import time
from pathlib import Path


def running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int) -> bool:
    """Wait until a process has ended: one that was killed may take a moment, the longer the busier the machine is."""
    until = time.monotonic() + 30
    while running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not running(pid)
