"""A study whose file, or whose user code, may be edited or deleted while its page is served."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tune_jobs.errors import UserError
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Study

_GONE = ""


class Readable(Protocol):
    """A study with its storage, as `ablatune.Study` is."""

    definition: Study

    def standing(self) -> Standing:
        """Where it stands."""


class WatchedStudy:
    """The last reading of a study's file that was valid.

    Args:
        load: reads the study.

    Attributes:
        current: as it was last read.
        edits: how many edits were taken in.
        fault: what is wrong with the files now, and that the study is shown as it was before; "" if nothing is.
        note: when the last edit was taken in; "" before any.

    Raises:
        UserError: the study cannot be read at first.
    """

    def __init__(self, load: Callable[[], Readable]) -> None:
        self._load = load
        self.current = load()
        self._seen = _contents(self._files())
        self.edits, self.fault, self.note = 0, "", ""

    def refresh(self) -> None:
        """Read the study again if one of its files has changed."""
        found = _contents(self._files())
        if found == self._seen:
            return
        before, self._seen = self._seen, found
        changed = [path for path, content in found.items() if content != before.get(path)]
        gone = [path for path in changed if found[path] == _GONE]
        if gone:
            self.fault = f"{gone[0]}: the file is gone; the study is shown as it was before"
            return
        try:
            self.current = self._load()
        except UserError as error:
            self.fault = f"{error}; the study is shown as it was before this edit"
            return
        # The edited study may name other files.
        self._seen = _contents(self._files())
        self.edits, self.fault = self.edits + 1, ""
        names = ", ".join(path.name for path in changed)
        self.note = f"{names} changed at {time.strftime('%H:%M:%S')}; the study is shown as it is now"

    def _files(self) -> list[Path]:
        definition = self.current.definition
        return [Path(path) for path in (definition.source, *sorted(definition.own.code.files))]


def _contents(files: list[Path]) -> dict[Path, str]:
    """What tells the contents of files apart; of one that cannot be read, why."""
    found = {}
    for path in files:
        try:
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            found[path] = _GONE
        except OSError as error:
            found[path] = str(error.strerror)
    return found
