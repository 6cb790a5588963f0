"""Dataset files for clusters that cannot fetch them: kept in the storage by their content, so each is sent once."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from tune_jobs.errors import UserError
from tune_jobs.files import replace_file
from tune_jobs.storage.storage import Storage

FOLDER = "datasets"
# In the folder of a job, as JSON: where in the data folder each file belongs, and the hash of its content.
LISTED = ".ablatune-datasets.json"
# In the folder of a job: what comes with it, for a storage that only the cluster reaches.
SHIPPED = ".ablatune-datasets"
_SAID_SINGLY = 5


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
        say: takes lines on what is sent.

    Raises:
        UserError: the storage cannot be written from here.
    """
    lacking = _lacking(files, storage.names(FOLDER))
    _announce(lacking.values(), data_dir, f"to {storage.address(FOLDER)}", say)
    for _ in storage.each(lambda one: storage.write((data_dir / one[1]).read_bytes(), FOLDER, one[0]), lacking.items()):
        pass


def ship(
    target: Path, data_dir: Path, files: Mapping[str, str], there: Collection[str], say: Callable[[str], None]
) -> None:
    """Put files into the folder of a job, those that the storage lacks.

    Args:
        target: the folder.
        data_dir: the data folder of this machine.
        files: of `hashes`.
        there: the hashes that the storage has.
        say: takes lines on what is sent.
    """
    lacking = _lacking(files, there)
    _announce(lacking.values(), data_dir, "with the job", say)
    for digest, name in lacking.items():
        (target / SHIPPED).mkdir(exist_ok=True)
        shutil.copyfile(data_dir / name, target / SHIPPED / digest)


def enlist(target: Path, files: Mapping[str, str]) -> None:
    """Write into the folder of a job which files of the storage are its data; nothing where there are none.

    A variable of the environment would not do: Linux takes no more than 128 KiB in one.
    """
    if files:
        (target / LISTED).write_text(json.dumps(dict(files)))


def _lacking(files: Mapping[str, str], there: Collection[str]) -> dict[str, str]:
    """Return what is not there yet: hash to the name of a file."""
    return {digest: name for name, digest in files.items() if digest not in there}


def _announce(names: Collection[str], data_dir: Path, where: str, say: Callable[[str], None]) -> None:
    sizes = {name: (data_dir / name).stat().st_size for name in names}
    if len(sizes) > _SAID_SINGLY:
        say(f"sending {len(sizes):,} files ({_mebibytes(sum(sizes.values()))}) {where}")
        return
    for name, size in sizes.items():
        say(f"sending {name} ({_mebibytes(size)}) {where}")


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

    def bring(name: str) -> None:
        path, digest = folder / name, wanted[name]
        if path.is_file() and _hash(path.read_bytes()) == digest:
            return
        try:
            content = storage.read(FOLDER, digest)
        except FileNotFoundError as error:
            raise UserError(f"{storage.address(FOLDER, digest)}: {name} is not there any more; submit again") from error
        if _hash(content) != digest:
            raise UserError(
                f"{storage.address(FOLDER, digest)}: is not what was sent as {name}; delete it, submit again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)

    for _ in storage.each(bring, wanted):
        pass
    return folder


def data_folder(data_dir: Path, storage: str) -> Path:
    """Return the data folder of this run: one with the files that its job lists, where it does, else its own."""
    listed = Path(LISTED)
    if not listed.is_file():
        return data_dir
    place = Storage.at(storage)
    keep_shipped(place, Path.cwd())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ablatune"
    return fetch(place, json.loads(listed.read_text()), cache)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
