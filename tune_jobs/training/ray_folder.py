"""The folder for Ray's logs and sockets, which only its owner can enter: Ray lets everybody read what it writes."""

import os
import sys
import tempfile
from pathlib import Path

from tune_jobs.errors import UserError
from tune_jobs.files import private

# The path of a Unix socket has at most so many bytes; what Ray adds to that of the folder is like this at its longest.
_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
_NAMES = "/r/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_SHORTEST = "/tmp"


def private_folder() -> Path:
    """Return a folder for Ray, in the folder for temporary files, or in /tmp if that has too long a path.

    Ray lets everybody write to the folder itself, but the one above it belongs to the user alone.

    Raises:
        UserError: neither can hold it.
    """
    places = dict.fromkeys((os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), _SHORTEST))
    problems = []
    for place in places:
        folder = Path(place).absolute() / f"ablatune-{os.getuid()}"
        if len(os.fsencode(folder)) + len(_NAMES) > _SOCKET_BYTES:
            problems.append(f"{place}: has too long a path for Ray's sockets")
            continue
        try:
            return private(folder) / "r"
        except OSError as error:
            problems.append(f"{place}: cannot be written ({error.strerror})")
    raise UserError(f"{'; '.join(problems)}; set TMPDIR to a folder with a path of at most {_most()} letters")


def _most() -> int:
    return _SOCKET_BYTES - len(_NAMES) - len(f"/ablatune-{os.getuid()}")
