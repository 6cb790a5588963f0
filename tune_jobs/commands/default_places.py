"""Where results and datasets lie unless told; a module of its own, so that `--help` imports no study."""

DEFAULT_STORAGE = "results"
DEFAULT_DATA_DIR = "data"
