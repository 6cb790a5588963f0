"""Configurations, studies, the ledger, Ray Tune trainables and the command line.

The project's packages have common names. A user's folder may hold a `models.py`, and Python or Ray may put
that folder first on the path. Every process of the project imports `tune_jobs` first, and this import binds
the four names to the folders beside this one.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_PACKAGES = frozenset({"analysis", "data_utils", "models", "tune_jobs"})
_ROOT = str(Path(__file__).resolve().parent.parent)


class _SiblingFinder:
    """Finds the project's packages beside this one, whatever `sys.path` says."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [_ROOT], target) if fullname in _PACKAGES else None


sys.meta_path.insert(0, _SiblingFinder)
