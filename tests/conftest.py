"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest

# The longest files start first, so no process is left alone with one of them at the end.
_LONGEST = (
    "test_run.py",
    "test_own_components.py",
    "test_evaluate.py",
    "test_search_run.py",
    "test_sections.py",
    "test_report.py",
    "test_plan.py",
    "test_kept_ledger.py",
    "test_files.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real datasets; skips the test without one."""
    folder = os.environ.get("ABLATUNE_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the real datasets are missing: set ABLATUNE_DATA_DIR to their folder")
    return Path(folder)


@pytest.fixture
def ray_stays_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not start Ray while the data are read: the test trains without it."""
    monkeypatch.setattr("tune_jobs.training.ray_session.start_early", lambda *told, **more: None)
