"""Workers import what training needs before they are given anything, as many as will train."""

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


def test_as_many_workers_as_will_train_import_pytorch_but_not_the_first(tmp_path: Path) -> None:
    with preloading(tmp_path, 1, all_but_first=True):
        assert [worker_has_torch() for _ in range(3)] == [False, True, False]
    assert not list(tmp_path.iterdir())
    assert not worker_has_torch()


def test_workers_import_nothing_once_the_tickets_are_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    with preloading(tmp_path / "gone", 1, all_but_first=False):
        (tmp_path / "gone" / "000001").unlink()
        (tmp_path / "gone").rmdir()
        assert not worker_has_torch()


def test_the_environment_is_as_before_and_the_users_modules_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PRELOAD, "json")
    before = dict(os.environ)
    with preloading(tmp_path, 2, all_but_first=True):
        assert os.environ[PRELOAD] == "json,tune_jobs.training.preloaded"
    assert dict(os.environ) == before
