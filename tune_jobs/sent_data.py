"""Dataset files for clusters that cannot fetch them: kept in the storage by their content, so each is sent once."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from tune_jobs.errors import UserError
from tune_jobs.storage import Storage

FOLDER = "datasets"
# Holds, as JSON, where in the data folder each file belongs and the hash of its content.
VARIABLE = "ABLATUNE_DATASETS"
# In the folder of a job: what comes with it, for a storage that only the cluster reaches.
SHIPPED = ".ablatune-datasets"


def hashes(data_dir: Path, patterns: Iterable[str]) -> dict[str, str]:
    """Return the files of a data folder, path in it to hash of the content; what is not there is left out.

    Args:
        data_dir: the data folder of this machine.
        patterns: of paths in it.
    """
    found = sorted({path for pattern in patterns for path in data_dir.glob(pattern) if path.is_file()})
    return {path.relative_to(data_dir).as_posix(): _hash(path.read_bytes()) for path in found}


def send(storage: Storage, data_dir: Path, files: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Bring files of a data folder into a storage, those that it lacks.

    Args:
        storage: that the cluster reaches, and this machine.
        data_dir: the data folder of this machine.
        files: of `hashes`.
        say: takes a line for each file that is sent.

    Raises:
        UserError: the storage cannot be written from here.
    """
    for name, digest in files.items():
        if not storage.exists(FOLDER, digest):
            content = (data_dir / name).read_bytes()
            say(f"sending {name} ({_mebibytes(len(content))}) to {storage.address(FOLDER)}")
            storage.write(content, FOLDER, digest)


def ship(
    target: Path, data_dir: Path, files: Mapping[str, str], there: Collection[str], say: Callable[[str], None]
) -> None:
    """Put files into the folder of a job, those that the storage lacks.

    Args:
        target: the folder.
        data_dir: the data folder of this machine.
        files: of `hashes`.
        there: the hashes that the storage has.
        say: takes a line for each file that is sent.
    """
    for name, digest in files.items():
        if digest not in there:
            (target / SHIPPED).mkdir(exist_ok=True)
            shutil.copyfile(data_dir / name, target / SHIPPED / digest)
            say(f"sending {name} ({_mebibytes((data_dir / name).stat().st_size)}) with the job")


def keep_shipped(storage: Storage, folder: Path) -> None:
    """Bring what came with a job into the storage, where the next job finds it.

    Raises:
        UserError: the storage cannot be written.
    """
    for path in sorted((folder / SHIPPED).glob("*")):
        if not storage.exists(FOLDER, path.name):
            storage.write(path.read_bytes(), FOLDER, path.name)


def fetch(storage: Storage, wanted: Mapping[str, str], cache: Path) -> Path:
    """Return a data folder that holds files of the storage; what the cache has already is not read again.

    Args:
        storage: that they were sent to.
        wanted: of `hashes`.
        cache: a folder of this machine.

    Raises:
        UserError: a file is not in the storage, or not what was sent.
    """
    folder = cache / _hash(json.dumps(dict(wanted), sort_keys=True).encode())[:16]
    for name, digest in wanted.items():
        path = folder / name
        if path.is_file() and _hash(path.read_bytes()) == digest:
            continue
        try:
            content = storage.read(FOLDER, digest)
        except FileNotFoundError as error:
            raise UserError(f"{storage.address(FOLDER, digest)}: {name} is not there any more; submit again") from error
        if _hash(content) != digest:
            raise UserError(
                f"{storage.address(FOLDER, digest)}: is not what was sent as {name}; delete it, submit again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_bytes(content)
        temporary.replace(path)
    return folder


def data_folder(data_dir: Path, storage: str) -> Path:
    """Return the data folder of this run: files that were sent with the job, where there are some, else its own."""
    told = os.environ.get(VARIABLE)
    if not told:
        return data_dir
    place = Storage.at(storage)
    keep_shipped(place, Path.cwd())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ablatune"
    return fetch(place, json.loads(told), cache)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
