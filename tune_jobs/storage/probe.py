"""Whether a storage can be written from here, and from another machine that is asked."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tune_jobs.errors import UserError, first_line
from tune_jobs.storage.s3 import delete_folder_marker
from tune_jobs.storage.storage import Storage

_log = logging.getLogger(__name__)


@contextmanager
def probe(storage: Storage) -> Iterator[str]:
    """Write a file into the storage and yield its name; afterwards delete it, with the folders made for it.

    Raises:
        StorageError: the storage cannot be written.
    """
    name = f".probe-{uuid.uuid4().hex}"
    root = storage.local_root
    fresh = storage.is_s3 and "/" in storage.root and not storage.exists()
    new = [] if root is None else [folder for folder in (root, *root.parents) if not folder.exists()]
    storage.write(b"", name)
    try:
        yield name
    finally:
        storage.delete(name)
        if fresh:
            delete_folder_marker(storage.uri)
        try:
            for folder in new:
                folder.rmdir()
        except OSError as error:  # somebody has written into it meanwhile
            _log.info("a folder that was made for a probe stays: %s", error)


def storage_problem(uri: str, probe_name: str, patience_seconds: float = 0.0) -> str:
    """Say what keeps this machine from using a storage that another machine has probed; "" if nothing does.

    Args:
        uri: of the storage.
        probe_name: the file that `probe` wrote.
        patience_seconds: how long to wait out an outage.
    """
    try:
        storage = Storage.at(uri).patient(patience_seconds)
        if probe_name not in storage.names():
            return "does not see it: there is another folder of that name, or none"
        # The same name again: the other machine would not delete a new one.
        storage.write(b"", probe_name)
    except (UserError, OSError) as error:
        return f"cannot use it: {first_line(error)}"
    return ""
