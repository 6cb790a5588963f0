"""Dataset files for a cluster that cannot fetch them: kept in the storage by the hash of their content, so each is sent
once.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from tune_jobs.errors import UserError
from tune_jobs.files import replace_file
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted, file_size

FOLDER = "datasets"
# In a job's folder, as JSON: the path in the data folder of each file, and the hash of its content.
MANIFEST = ".ablatune-datasets.json"
# In a job's folder: files attached to it, for a storage that only the cluster can reach.
ATTACHED = ".ablatune-datasets"
_NAMED = 5


def file_hashes(data_dir: Path, patterns: Iterable[str]) -> dict[str, str]:
    """Hash files of a data folder, by their path in it; files that do not exist are left out.

    Args:
        data_dir: the data folder of this machine.
        patterns: of paths in it.
    """
    found = sorted({path for pattern in patterns for path in data_dir.glob(pattern) if path.is_file()})
    return {path.relative_to(data_dir).as_posix(): _hash(path.read_bytes()) for path in found}


def upload(storage: Storage, data_dir: Path, files: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Write those files into a storage that it lacks.

    Args:
        storage: that this machine and the cluster can reach.
        data_dir: the data folder of this machine.
        files: from `file_hashes`.
        say: takes lines about what is sent.

    Raises:
        UserError: the storage cannot be written from here.
    """
    missing = _missing(files, storage.names(FOLDER))
    _announce(missing.values(), data_dir, f"to {storage.address(FOLDER)}", say)

    def write(item: tuple[str, str]) -> None:
        digest, name = item
        storage.write((data_dir / name).read_bytes(), FOLDER, digest)

    for _ in storage.each(write, missing.items()):
        pass


def attach(
    target: Path, data_dir: Path, files: Mapping[str, str], there: Collection[str], say: Callable[[str], None]
) -> None:
    """Copy those files into the folder of a job that the storage lacks.

    Args:
        target: the job's folder.
        data_dir: the data folder of this machine.
        files: from `file_hashes`.
        there: the hashes of the files in the storage.
        say: takes lines about what is sent.
    """
    missing = _missing(files, there)
    _announce(missing.values(), data_dir, "with the job", say)
    for digest, name in missing.items():
        (target / ATTACHED).mkdir(exist_ok=True)
        shutil.copyfile(data_dir / name, target / ATTACHED / digest)


def write_manifest(target: Path, files: Mapping[str, str]) -> None:
    """Write into the folder of a job which files of the storage are its data, if there are any.

    An environment variable would not do: Linux limits each to 128 KiB.
    """
    if files:
        (target / MANIFEST).write_text(json.dumps(dict(files)))


def _missing(files: Mapping[str, str], there: Collection[str]) -> dict[str, str]:
    """The files that are not there yet: hash to a file's name."""
    return {digest: name for name, digest in files.items() if digest not in there}


def _announce(names: Collection[str], data_dir: Path, where: str, say: Callable[[str], None]) -> None:
    sizes = {name: (data_dir / name).stat().st_size for name in names}
    if len(sizes) > _NAMED:
        say(f"sending {counted(len(sizes), 'file')} ({file_size(sum(sizes.values()))}) {where}")
        return
    for name, size in sizes.items():
        say(f"sending {name} ({file_size(size)}) {where}")


def store_attached(storage: Storage, folder: Path) -> None:
    """Copy the files attached to a job into the storage, where the next job finds them.

    Raises:
        UserError: the storage cannot be written.
    """
    for path in sorted((folder / ATTACHED).glob("*")):
        if not storage.exists(FOLDER, path.name):
            storage.write(path.read_bytes(), FOLDER, path.name)


def fetch(storage: Storage, wanted: Mapping[str, str], cache: Path) -> Path:
    """Make a data folder of files from the storage; files that are in the cache are not read again.

    Args:
        storage: that they were sent to.
        wanted: from `file_hashes`.
        cache: a folder of this machine.

    Raises:
        UserError: a file is not in the storage, or differs from the one that was sent.
    """
    folder = cache / _hash(json.dumps(dict(wanted), sort_keys=True).encode())[:16]

    def fetch_file(name: str) -> None:
        path, digest = folder / name, wanted[name]
        if path.is_file() and _hash(path.read_bytes()) == digest:
            return
        try:
            content = storage.read(FOLDER, digest)
        except FileNotFoundError as error:
            raise UserError(f"{storage.address(FOLDER, digest)}: {name} is missing; submit again") from error
        if _hash(content) != digest:
            raise UserError(
                f"{storage.address(FOLDER, digest)}: is not the {name} that was sent; delete it and submit again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)

    for _ in storage.each(fetch_file, wanted):
        pass
    return folder


def data_folder(data_dir: Path, storage: str) -> Path:
    """The data folder of this run: made of the files in its job's manifest, or without one the given folder."""
    manifest = Path(MANIFEST)
    if not manifest.is_file():
        return data_dir
    opened = Storage.at(storage)
    store_attached(opened, Path.cwd())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ablatune"
    return fetch(opened, json.loads(manifest.read_text()), cache)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
