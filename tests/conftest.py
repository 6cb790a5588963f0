"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with the real datasets, or skip."""
    folder = os.environ.get("ABLATUNE_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the real datasets are not here: set ABLATUNE_DATA_DIR to the folder that holds them")
    return Path(folder)
