"""Whether the storage can be written: from here, and from every node of a cluster."""

import contextlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tune_jobs.errors import UserError, first_line
from tune_jobs.storage.s3 import forget_folder
from tune_jobs.storage.storage import Storage


@contextmanager
def probe(storage: Storage) -> Iterator[str]:
    """Write a file into the storage and yield its name; nothing is left behind, no folder either.

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
            forget_folder(storage.uri)
        with contextlib.suppress(OSError):
            for folder in new:
                folder.rmdir()


def look(uri: str, name: str, patience_seconds: float = 0.0) -> str:
    """Return what keeps this machine from using the storage that a probe was written into; "" if nothing does.

    Args:
        uri: of the storage.
        name: of the probe.
        patience_seconds: for how long an outage is waited out.
    """
    try:
        storage = Storage.at(uri).patient(patience_seconds)
        if name not in storage.names():
            return "does not see it: another folder of the same name is there, or none"
        # The same again: what this machine added, the other one would not delete.
        storage.write(b"", name)
    except (UserError, OSError) as error:
        return f"cannot use it: {first_line(error)}"
    return ""
