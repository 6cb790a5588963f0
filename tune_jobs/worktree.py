"""Which files of a working tree go to a cluster: what git would keep, and no secrets."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from tune_jobs.errors import UserError

# Never sent, tracked by git or not: what holds passwords and keys by the habits of common tools.
SECRETS = (
    ".env",
    ".env.*",
    "*.env",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "credentials",
    "credentials.*",
    "secrets.*",
    ".aws",
    ".ssh",
    ".gnupg",
    ".kube",
)
# What Ray's job server takes.
MOST_BYTES = 100 * 2**20
_NAMED = 3


def stage(folder: Path, target: Path, *, also: Iterable[str] = ()) -> list[str]:
    """Copy what a folder sends into another; return the names of what was kept back as secret.

    Args:
        folder: the working tree, or a folder in one.
        target: takes the copies; what is in it counts as sent.
        also: files that are sent although git ignores them.

    Raises:
        UserError: there is more than a job may have.
    """
    names = sorted({*files_of(folder), *also})
    secret = [name for name in names if is_secret(name)]
    sent = [name for name in names if not is_secret(name)]
    sizes = {name: (folder / name).stat().st_size for name in sent}
    sizes |= {path.name: path.stat().st_size for path in target.rglob("*") if path.is_file()}
    if sum(sizes.values()) > MOST_BYTES:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:_NAMED]
        raise UserError(
            f"{folder}: {sum(sizes.values()) / 2**20:.0f} MiB would be sent, and a job may have "
            f"{MOST_BYTES / 2**20:.0f} MiB; have git ignore what the trials do not need (the largest: "
            f"{', '.join(f'{name}, {sizes[name] / 2**20:.0f} MiB' for name in largest)})"
        )
    for name in sent:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, target / name)
    return secret


def files_of(folder: Path) -> list[str]:
    """Return the files of a folder that git does not ignore, relative to it; without git, those that are not hidden."""
    listed = _listed_by_git(folder)
    names = _walked(folder) if listed is None else listed
    return sorted(name for name in names if (folder / name).is_file())


def is_secret(name: str) -> bool:
    """Return whether a file, or a folder above it, is named as secrets are."""
    return any(fnmatch(part, pattern) for part in PurePosixPath(name).parts for pattern in SECRETS)


def _listed_by_git(folder: Path) -> Sequence[str] | None:
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _walked(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name != "__pycache__" and not Path(place, name, "pyvenv.cfg").exists()
        ]
        for name in files:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()
