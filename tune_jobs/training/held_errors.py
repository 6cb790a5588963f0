"""Holds back what Ray's library writes to standard error until it is known whether it matters."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Held:
    """What was held back. `text` is known once the block has ended."""

    text: str = ""


@contextmanager
def held_errors() -> Iterator[Held]:
    """Hold back what is written to standard error, whatever writes it; if the block raises nothing, write it then."""
    held = Held()
    try:
        sys.stderr.flush()
        before = os.dup(2)
    except (OSError, AttributeError):  # it is closed: there is nothing to hold back
        yield held
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield held
        finally:
            held.text = _put_back(before, file.fileno())
    os.write(2, held.text.encode(errors="replace"))


def _put_back(before: int, file: int) -> str:
    """Give standard error back; return what the file has."""
    os.dup2(before, 2)
    os.close(before)
    size = os.lseek(file, 0, os.SEEK_CUR)
    return os.pread(file, size, 0).decode(errors="replace")
