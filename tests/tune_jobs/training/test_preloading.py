"""Workers import what training needs before they are given anything, but for the one that trains nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tune_jobs.capacity.ray_private import PRELOAD
from tune_jobs.training.preloading import preloading

ASK = "import sys, tune_jobs.training.preloaded; print('torch' in sys.modules)"


def worker_has_torch() -> bool:
    """Start a process as Ray starts a worker, and ask it."""
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_all_workers_but_the_first_import_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with preloading(all_but_first=True):
        assert not worker_has_torch()
        assert worker_has_torch()
    with preloading(all_but_first=False):
        assert worker_has_torch()
    assert not list(tmp_path.glob("ablatune-first-worker-*"))


def test_the_environment_is_as_before_and_modules_that_the_user_asked_for_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRELOAD, "json")
    before = dict(os.environ)
    with preloading(all_but_first=True):
        assert os.environ[PRELOAD] == "json,tune_jobs.training.preloaded"
    assert dict(os.environ) == before
