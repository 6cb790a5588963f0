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
    ".envrc",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".pgpass",
    ".htpasswd",
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
    "*.ppk",
    "*.jks",
    "*.keystore",
    "*.tfvars",
    "credentials",
    "credentials.*",
    "secrets",
    "secrets.*",
    "client_secret*.json",
    "service-account*.json",
    "service_account*.json",
    "kaggle.json",
    ".aws",
    ".docker",
    ".ssh",
    ".gnupg",
    ".kube",
)
# What Ray's job server takes.
MOST_BYTES = 100 * 2**20
_NAMED = 5


def stage(folder: Path, target: Path, *, also: Iterable[str] = ()) -> list[str]:
    """Copy what a folder sends into another; return a line on each kind of what was kept back.

    Args:
        folder: the working tree, or a folder in one.
        target: takes the copies; what is in it counts as sent.
        also: files that are sent although git ignores them.

    Raises:
        UserError: there is more than a job may have, or a file that cannot be read.
    """
    names = sorted({*files_of(folder), *also})
    secret = [name for name in names if _holds_secrets(folder, name)]
    linked = [name for name in names if (folder / name).is_dir() and name not in secret]
    sent = [name for name in names if name not in secret and name not in linked]
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
        try:
            shutil.copy(folder / name, target / name)
        except OSError as error:
            raise UserError(
                f"{folder / name}: cannot be read ({error.strerror}); mend it, or have git ignore it"
            ) from error
    kinds = {"since they may hold secrets": secret, "being links to folders": linked}
    return [f"not sent, {why}: {_some(kept)}" for why, kept in kinds.items() if kept]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def files_of(folder: Path) -> list[str]:
    """Return the files of a folder that git does not ignore, and links to folders, relative to it.

    Submodules count as folders. Where git has no say, all counts that is not hidden.
    """
    # Of a folder that is ignored as a whole git lists nothing.
    listed = _listed_by_git(folder) or _walked(folder)
    found = []
    for name in listed:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            found += [f"{name.rstrip('/')}/{one}" for one in files_of(path)]
        elif path.exists():
            found.append(name)
    return sorted(found)


def is_secret(name: str) -> bool:
    """Return whether a file, or a folder above it, is named as secrets are."""
    return any(fnmatch(part.lower(), pattern) for part in PurePosixPath(name).parts for pattern in SECRETS)


def _holds_secrets(folder: Path, name: str) -> bool:
    """Return whether a file, or what it is a link to, is named as secrets are."""
    home, real = folder.resolve(), (folder / name).resolve()
    target = real.relative_to(home) if real.is_relative_to(home) else real
    # A folder above the tree may be named as it likes; one above what a link leads to may not.
    return is_secret(name) or is_secret(target.as_posix())


def _listed_by_git(folder: Path) -> Sequence[str] | None:
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    # Of a submodule that is not checked out git lists the folder itself.
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name not in (b"", b"./")]


def _walked(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name != "__pycache__" and not Path(place, name, "pyvenv.cfg").exists()
        ]
        for name in [*files, *(one for one in folders if Path(place, one).is_symlink())]:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()
