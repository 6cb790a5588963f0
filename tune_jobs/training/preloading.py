"""Lets workers import what training needs as their process starts, while the driver still prepares the run.

PyTorch alone takes seconds.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tune_jobs.capacity.ray_private import PRELOAD

_MODULE = "tune_jobs.training.preloaded"
# Names a file; the worker that takes it away imports nothing.
_SPARED = "ABLATUNE_NOT_PRELOADED"


@contextmanager
def preloading(*, all_but_first: bool) -> Iterator[None]:
    """Let the workers of a Ray that is started meanwhile import what training needs.

    Args:
        all_but_first: whether the first worker is to be left out, since it trains nothing.
    """
    before = {name: os.environ.get(name) for name in (PRELOAD, _SPARED)}
    os.environ[PRELOAD] = ",".join(filter(None, (before[PRELOAD], _MODULE)))
    if all_but_first:
        handle, os.environ[_SPARED] = tempfile.mkstemp(prefix="ablatune-first-worker-")
        os.close(handle)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def import_unless_spared() -> None:
    """In a worker: import what training needs, unless it is the one that is left out."""
    try:
        os.unlink(os.environ.pop(_SPARED, ""))
    except OSError:  # none is left out, or another was the first
        import ray.tune  # noqa: F401

        import models.engine  # noqa: F401
        import tune_jobs.training.group_worker
        import tune_jobs.training.search_worker  # noqa: F401
