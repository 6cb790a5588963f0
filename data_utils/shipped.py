"""The tables that scikit-learn ships, read from its folder without importing it."""

import gzip
import zlib
from importlib.util import find_spec
from pathlib import Path

from data_utils.errors import DatasetError


def shipped_lines(name: str, *, dataset: str, rows: int) -> list[str]:
    """Read the ``rows`` lines of the gzipped text ``name`` in scikit-learn's data folder.

    Raises:
        DatasetError: If scikit-learn or the file is missing, or the file is damaged.
    """
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetError(f"{dataset}: scikit-learn, which ships this dataset, is not installed; install it")
    path = Path(spec.submodule_search_locations[0], "datasets", "data", name)
    try:
        lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DatasetError(f"{dataset}: cannot read {path} ({error}); reinstall scikit-learn") from error
    if len(lines) != rows:
        raise DatasetError(f"{dataset}: {rows} rows expected in {path}, {len(lines)} found; reinstall scikit-learn")
    return lines
