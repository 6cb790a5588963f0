"""Which files of a working tree go to a cluster: those that git does not ignore, without secrets."""

import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from tune_jobs.errors import UserError
from tune_jobs.words import file_size

_log = logging.getLogger(__name__)

# Never sent, even if git tracks it: where common tools keep passwords and keys.
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
# The limit of Ray's job server.
MAX_JOB_BYTES = 100 * 2**20
_NAMED = 5


def stage(folder: Path, target: Path, *, also: Iterable[str] = ()) -> list[str]:
    """Copy a working tree's files to where a job is sent from; return a line for each kind of file left out.

    Args:
        folder: the working tree, or a folder in one.
        target: takes the copies; what is already in it counts towards the job's size.
        also: files that are sent although git ignores them.

    Raises:
        UserError: the files are larger than a job may be, or one cannot be read.
    """
    names = sorted({*files_of(folder), *also})
    secret = [name for name in names if _holds_secrets(folder, name)]
    linked = [name for name in names if (folder / name).is_dir() and name not in secret]
    sent = [name for name in names if name not in secret and name not in linked]
    sizes = {name: (folder / name).stat().st_size for name in sent}
    sizes |= {path.name: path.stat().st_size for path in target.rglob("*") if path.is_file()}
    total = sum(sizes.values())
    if total > MAX_JOB_BYTES:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:_NAMED]
        raise UserError(
            f"{folder}: {file_size(total)} would be sent, and a job may have {file_size(MAX_JOB_BYTES)}; have git "
            "ignore what the trials do not need (the largest: "
            f"{', '.join(f'{name}, {file_size(sizes[name])}' for name in largest)})"
        )
    for name in sent:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy(folder / name, target / name)
        except OSError as error:
            raise UserError(
                f"{folder / name}: cannot be read ({error.strerror}); make it readable, or have git ignore it"
            ) from error
    left_out = {"may hold secrets": secret, "links to folders": linked}
    return [f"not sent ({why}): {_some(files)}" for why, files in left_out.items() if files]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def files_of(folder: Path) -> list[str]:
    """List the files of a folder that git does not ignore, and links to folders, relative to it.

    Submodules are included as folders. Outside a git tree all files are listed that are not hidden.
    """
    # For a folder that is itself ignored git lists nothing.
    listed = _listed_by_git(folder) or _walked(folder)
    found = []
    for name in listed:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            found += [f"{name.rstrip('/')}/{file}" for file in files_of(path)]
        elif path.exists():
            found.append(name)
    return sorted(found)


def is_secret(name: str) -> bool:
    """Whether a file, or a folder above it, has a name that suggests secrets."""
    return any(fnmatch(part.lower(), pattern) for part in PurePosixPath(name).parts for pattern in SECRETS)


def _holds_secrets(folder: Path, name: str) -> bool:
    """Whether a file, or the target of a link, has a name that suggests secrets."""
    home, real = folder.resolve(), (folder / name).resolve()
    target = real.relative_to(home) if real.is_relative_to(home) else real
    # Folders above the tree may have any name; folders above the target of a link outside may not.
    return is_secret(name) or is_secret(target.as_posix())


def _listed_by_git(folder: Path) -> Sequence[str] | None:
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        _log.info("git does not list the files of %s, so its folders are walked: %s", folder, error)
        return None
    # For a submodule that is not checked out git lists the folder itself.
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name not in (b"", b"./")]


def _walked(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name != "__pycache__" and not Path(place, name, "pyvenv.cfg").exists()
        ]
        for name in [*files, *(child for child in folders if Path(place, child).is_symlink())]:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()
