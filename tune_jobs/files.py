"""Files that are replaced as a whole, folders that are ours alone, and names that every file system takes.

A reader of a file sees the old content or the new one, whatever is killed when.
"""

import hashlib
import os
import stat
import tempfile
import unicodedata
import uuid
from pathlib import Path

# Of one name, in bytes.
_LONGEST_NAME = 255


def cut_name(name: str) -> str:
    """Shorten a name that is too long for a file system; different names stay different."""
    content = name.encode()
    if len(content) <= _LONGEST_NAME:
        return name
    end = f"…{hashlib.sha256(content).hexdigest()[:12]}"
    return content[: _LONGEST_NAME - len(end.encode())].decode(errors="ignore") + end


def folded_name(name: str) -> str:
    """What a name is to a file system that ignores case: names with the same result are one file there."""
    return unicodedata.normalize("NFC", name.casefold())


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file next to its place, then move it there. The folder must exist.

    Args:
        path: of the file.
        content: the whole of it.
        durable: whether the file survives a power cut once this returns, which takes some milliseconds.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if not durable:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def private(folder: Path) -> Path:
    """Make a folder that its owner alone can enter, or take it if it is such a one of ours; else make another.

    Args:
        folder: where others can write too, so that somebody may have put something of its name there.

    Returns:
        The folder, or one of another name beside it.

    Raises:
        OSError: neither can be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return Path(tempfile.mkdtemp(prefix="abl-", dir=folder.parent))
    return folder
