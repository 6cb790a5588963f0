"""Dataset files in a storage, for clusters that cannot fetch them: by their content, so that each is sent once."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tune_jobs.errors import UserError
from tune_jobs.storage import Storage

FOLDER = "datasets"
# Holds, as JSON, where in the data folder each file belongs and the hash of its content.
VARIABLE = "ABLATUNE_DATASETS"


def send(storage: Storage, data_dir: Path, patterns: Iterable[str], say: Callable[[str], None]) -> dict[str, str]:
    """Bring the files of a data folder into a storage; return path in the folder to hash of the content.

    Args:
        storage: that the cluster reaches.
        data_dir: the data folder of this machine.
        patterns: of paths in it; what is not there is left to the cluster to fetch.
        say: takes a line for each file that is sent.

    Raises:
        UserError: the storage cannot be written from here.
    """
    found = sorted({path for pattern in patterns for path in data_dir.glob(pattern) if path.is_file()})
    sent = {}
    for path in found:
        content = path.read_bytes()
        name = hashlib.sha256(content).hexdigest()
        sent[path.relative_to(data_dir).as_posix()] = name
        if not storage.exists(FOLDER, name):
            say(f"sending {path} ({len(content) / 2**20:.1f} MiB) to {storage.address(FOLDER)}")
            storage.write(content, FOLDER, name)
    return sent


def fetch(storage: Storage, wanted: Mapping[str, str], cache: Path) -> Path:
    """Return a data folder that holds files of the storage; what the cache has already is not read again.

    Args:
        storage: that `send` wrote to.
        wanted: what `send` returned.
        cache: a folder of this machine.

    Raises:
        UserError: a file is not in the storage, or not what was sent.
    """
    whole = hashlib.sha256(json.dumps(dict(wanted), sort_keys=True).encode()).hexdigest()[:16]
    for name, digest in wanted.items():
        path = cache / whole / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            continue
        try:
            content = storage.read(FOLDER, digest)
        except FileNotFoundError as error:
            raise UserError(f"{storage.address(FOLDER, digest)}: {name} is not there any more; submit again") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise UserError(
                f"{storage.address(FOLDER, digest)}: is not what was sent as {name}; delete it, submit again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_bytes(content)
        temporary.replace(path)
    return cache / whole


def data_folder(data_dir: Path, storage: str) -> Path:
    """Return the data folder of this run: files that were sent with the job, where there are some, else its own."""
    told = os.environ.get(VARIABLE)
    if not told:
        return data_dir
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ablatune"
    return fetch(Storage.at(storage), json.loads(told), cache)
