"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest

# The files that take longest begin first: no process is left alone with one of them at the end.
_LONGEST = (
    "test_run.py",
    "test_own_components.py",
    "test_run_search.py",
    "test_evaluate.py",
    "test_files.py",
    "test_search_sections.py",
    "test_plan.py",
    "test_report.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with the real datasets, or skip."""
    folder = os.environ.get("ABLATUNE_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the real datasets are not here: set ABLATUNE_DATA_DIR to the folder that holds them")
    return Path(folder)
