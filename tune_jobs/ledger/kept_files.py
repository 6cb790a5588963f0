"""What a storage keeps of trials beside their records: checkpoints, and what training functions write into folders.

No table needs it. A checkpoint lets a trial go on for more epochs, or after its worker was lost.
"""

import os
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tune_jobs.errors import StorageError
from tune_jobs.ledger.checkpoints import FOLDER
from tune_jobs.storage.storage import Storage

# Where a folder of each training function's trial lies, by its key.
TRIAL_FOLDERS = "trials"


def folders_place(storage: Storage) -> Path:
    """Where the folders of trials lie: in the storage where that is a folder, else on each node that trains.

    On a node, those of all such storages lie together.
    """
    return (storage.local_root or node_place()) / TRIAL_FOLDERS


def node_place() -> Path:
    """Where a node keeps what training functions write, if the storage is no folder."""
    return Path(tempfile.gettempdir()) / f"ablatune-trials-{os.getuid()}"


@dataclass
class KeptFiles:
    """What is kept of one trial.

    Attributes:
        checkpoints: names of its checkpoints, of every kind of machine, with their bytes.
        folder: what its training function wrote; None if it wrote nothing, or was not asked for.
    """

    checkpoints: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def bytes(self) -> int:
        """How many bytes all of it takes."""
        written = self.folder.rglob("*") if self.folder is not None else ()
        return sum(self.checkpoints.values()) + sum(path.lstat().st_size for path in written if not path.is_dir())


def kept_files(storage: Storage, *, folders: bool) -> dict[str, KeptFiles]:
    """Find what is kept of trials, by their keys.

    Args:
        storage: of the ledger.
        folders: whether to look at the trials' folders, too; where the storage is no folder, at those of this machine.

    Raises:
        StorageError: the storage cannot be read.
    """
    found: dict[str, KeptFiles] = {}
    for name, size in storage.sizes(FOLDER).items():
        if not name.startswith("."):
            found.setdefault(name.partition("-")[0], KeptFiles()).checkpoints[name] = size
    if folders:
        for path in sorted(folders_place(storage).glob("*")):
            if path.is_dir() and not path.is_symlink():
                found.setdefault(path.name, KeptFiles()).folder = path
    return found


def forget_files(storage: Storage, kept: Collection[KeptFiles]) -> None:
    """Delete what is kept of trials.

    Raises:
        StorageError: the storage cannot be written.
    """
    for one in kept:
        for name in one.checkpoints:
            storage.delete(FOLDER, name)
        if one.folder is not None:
            try:
                shutil.rmtree(one.folder)
            except OSError as error:
                raise StorageError(f"{one.folder}: cannot be deleted ({error.strerror or error})") from error
