"""Lets workers import what training needs as their process starts, while the driver still prepares the run.

PyTorch alone takes seconds. Ray starts as many workers as there are CPUs, whatever there is to do: each takes a ticket,
a file, and those that come too late import nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tune_jobs.capacity.ray_private import PRELOAD
from tune_jobs.training.variables import with_variables

_MODULE = "tune_jobs.training.preloaded"
# Names the folder of the tickets.
_TICKETS = "ABLATUNE_PRELOAD_TICKETS"
# The first in order; who takes it imports nothing.
_BLANK = "0-blank"


@contextmanager
def preloading(folder: Path, workers: int, *, all_but_first: bool) -> Iterator[None]:
    """Let the workers of a Ray that is started meanwhile import what training needs.

    Args:
        folder: an empty one for the tickets; workers may look for them later.
        workers: how many will train, at most.
        all_but_first: whether the first worker is to be left out, since it trains nothing.
    """
    for number in range(1, workers + 1):
        (folder / f"{number:06}").touch()
    if all_but_first:
        (folder / _BLANK).touch()
    modules = ",".join(filter(None, (os.environ.get(PRELOAD), _MODULE)))
    with with_variables({PRELOAD: modules, _TICKETS: str(folder)}):
        yield


def import_with_ticket() -> None:
    """In a worker: import what training needs, if there is a ticket for it."""
    folder = os.environ.pop(_TICKETS, None)
    if folder is None or _ticket(Path(folder)) in (None, _BLANK):
        return
    import ray.tune  # noqa: F401

    import models.engine  # noqa: F401
    import tune_jobs.training.group_worker
    import tune_jobs.training.search_worker  # noqa: F401


def _ticket(folder: Path) -> str | None:
    """Take the first ticket that is left; return its name."""
    for path in sorted(folder.glob("0*")):
        try:
            path.unlink()
        except FileNotFoundError:  # another worker was faster
            continue
        return path.name
    return None
