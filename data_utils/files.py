"""Files of the data folder: read them, fetch the missing ones, and say what is wrong with them."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from data_utils.errors import DatasetError

_NETWORK_TIMEOUT_SECONDS = 30.0


def read_file(
    path: Path, *, dataset: str, data_dir: Path, download: bool, fetch: Callable[[Path], Iterable[Path]]
) -> bytes:
    """Return the bytes of ``path``, which lies somewhere under ``data_dir``.

    Where the file is missing and ``download`` is true, ``fetch`` is given an empty folder, downloads
    into it, and returns the files there, each named as it shall be named beside ``path``.

    Raises:
        DatasetError: If the file is missing and was not fetched, or cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise torn_file(dataset, path, f"it cannot be read ({error.strerror})") from error
    if not download:
        raise _missing(dataset, path, data_dir, "downloading is off")
    try:
        _fetch_beside(path, fetch)
        return path.read_bytes()
    except Exception as error:  # the libraries that download raise nearly anything
        reason = f"downloading it failed ({type(error).__name__}: {' '.join(str(error).split())})"
        raise _missing(dataset, path, data_dir, reason) from error


def torn_file(dataset: str, path: Path, what: str) -> DatasetError:
    """Return the error for a file that is there but is not what it should be."""
    return DatasetError(
        f"{dataset}: cannot use {path}: {what}; replace the file with a whole copy, "
        "or remove it to have it downloaded again"
    )


def _missing(dataset: str, path: Path, data_dir: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"{dataset}: found no file {path.name} in {path.parent}, and {reason}; put the file there, "
        f"or give the folder that holds {path.relative_to(data_dir)} as --data-dir or ABLATUNE_DATA_DIR"
    )


def _fetch_beside(path: Path, fetch: Callable[[Path], Iterable[Path]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=path.parent) as folder, _network_timeout():
        for file in fetch(Path(folder)):
            place = path.parent / file.name
            if not place.exists():
                # Atomic: a process that loads at the same time sees the whole file or none.
                os.replace(file, place)


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Bound the waits of downloaders that set no timeout, as behind a firewall that drops packets."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
