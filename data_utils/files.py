"""Files of the data folder: reading them, downloading missing ones, and the errors for damaged ones."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from data_utils.errors import DatasetError, one_line

_NETWORK_TIMEOUT_SECONDS = 30.0


def read_file(
    path: Path, *, dataset: str, data_dir: Path, download: bool, fetch: Callable[[Path], Iterable[Path]]
) -> bytes:
    """Read ``path``, a file under ``data_dir``.

    If the file is missing and ``download`` is true, ``fetch`` downloads into an empty folder and returns the files,
    which are then moved beside ``path`` under the same names.

    Raises:
        DatasetError: If the file cannot be read, or is missing and cannot be downloaded.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise damaged_file(dataset, path, f"it cannot be read ({error.strerror})") from error
    if not download:
        raise _missing(dataset, path, data_dir, "downloading is off")
    try:
        _fetch_beside(path, fetch)
        return path.read_bytes()
    except Exception as error:  # downloading libraries raise nearly anything
        reason = f"downloading it failed ({type(error).__name__}: {one_line(error)})"
        raise _missing(dataset, path, data_dir, reason) from error


def damaged_file(dataset: str, path: Path, what: str) -> DatasetError:
    """The error for a file that exists but has unexpected contents."""
    return DatasetError(
        f"{dataset}: cannot use {path}: {what}; replace the file with an intact copy, "
        "or delete it to have it downloaded again"
    )


def _missing(dataset: str, path: Path, data_dir: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"{dataset}: found no file {path.name} in {path.parent}, and {reason}; put the file there, "
        f"or pass the folder that contains {path.relative_to(data_dir)} as --data-dir or ABLATUNE_DATA_DIR"
    )


def _fetch_beside(path: Path, fetch: Callable[[Path], Iterable[Path]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=path.parent) as folder, _network_timeout():
        for file in fetch(Path(folder)):
            place = path.parent / file.name
            if not place.exists():
                # Atomic: another process loading at the same time sees the whole file or none.
                os.replace(file, place)


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Limit how long downloaders without a timeout wait, say behind a firewall that drops packets."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
