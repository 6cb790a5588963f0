"""Where results and datasets lie unless told; a module of its own, so that `--help` imports no study."""

import os

DEFAULT_STORAGE = "results"
DEFAULT_DATA_DIR = "data"


def default_places() -> tuple[str, str]:
    """Return where results and datasets lie unless told."""
    environment = os.environ
    return environment.get("ABLATUNE_STORAGE", DEFAULT_STORAGE), environment.get("ABLATUNE_DATA_DIR", DEFAULT_DATA_DIR)
