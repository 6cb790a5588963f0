"""Processes with a set of the user's modules, and with nothing else of the user.

A process imports torch once, before any code of the user, and is forked for each set of modules. Where it can, the
process that has imported a set is forked in turn for each use, so that no use sees what another has changed.
"""

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data_utils import TrialData
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.process import Process, start
from tune_jobs.user_code.code_process import (
    CodeProcess,
    Imported,
    ProcessLostError,
    Surroundings,
    log_changes,
    question_seconds,
    told_to_user,
)
from tune_jobs.user_code.modules import Code

# Imported before any code of the user, and so by all processes.
_IMPORTED_FIRST = ("torch", "models.engine", "models.output_check", "models.saved", "tune_jobs.user_code.answers")
# Imported before the first training: torch's optimizers import it when they are first used, which takes seconds.
_IMPORTED_TO_TRAIN = "torch._dynamo"
# Sets of modules whose process is kept for the next use.
_MOST_KEPT = 4


@contextmanager
def process_with(
    code: Code,
    references: Iterable[str],
    *,
    what: str,
    data: tuple[str, TrialData] | None = None,
    trains: bool = False,
) -> Iterator[CodeProcess]:
    """Get a process that has imported what references name, and nothing else of the user; it ends with the context.

    Args:
        code: the user's modules.
        references: to the user's components, ``module:Name``.
        what: names them in messages.
        data: that the process is to hold, with its name; see `held_data`.
        trains: whether something is trained in it.

    Raises:
        UserError: the import fails, ends the process or hangs; the message has the user's file and line.
    """
    used = _PROCESSES.take(code, tuple(sorted(set(references))), what, data, trains=trains)
    try:
        yield used
    finally:
        used.process.end()


@dataclass
class _Kept:
    """A process that has imported a set of modules and is forked for each use, with the name of the data it holds."""

    used: CodeProcess
    data: str = ""

    def hold(self, data: tuple[str, TrialData]) -> None:
        """Let it hold data for the next uses."""
        self.used.process.call("tune_jobs.user_code.held_data:hold", *data)
        self.data = data[0]

    def drop(self) -> bool:
        """Let it hold nothing; return whether it is still of use."""
        try:
            self.used.process.call("tune_jobs.user_code.held_data:drop")
        except (ProcessDeathError, CallError):
            return False
        self.data = ""
        return True


def start_for_training() -> None:
    """In a worker: start the process that all processes with the user's code are forked from.

    It gets ready while other things are prepared. What the user's code prints goes where the worker's output goes. If
    it does not start, the first use of such a process says so.
    """
    _PROCESSES.silent = False
    with contextlib.suppress(ProcessDeathError, CallError):
        _PROCESSES.start(trains=True)


class _Processes:
    """The processes that this one has started for the user's code.

    Attributes:
        silent: whether what the user's code prints is dropped: on a terminal it would tear the progress display.
    """

    def __init__(self) -> None:
        self.silent = True
        self._first: Process | None = None
        self._kept: OrderedDict[Any, _Kept] = OrderedDict()
        self._owner = os.getpid()
        self._trains = False

    def take(
        self,
        code: Code,
        references: tuple[str, ...],
        what: str,
        data: tuple[str, TrialData] | None,
        *,
        trains: bool,
    ) -> CodeProcess:
        """Make a process with a set of modules."""
        around = Surroundings.here()
        environment = frozenset(around.environment.items())
        # Where something is trained, the user's modules come after the library that only training needs.
        key = (frozenset(code.sources.items()), references, around.folder, around.path, environment, trains)
        kept = self._kept.pop(key, None)
        if kept is not None:
            try:
                return self._forked(key, kept, data)
            except (ProcessDeathError, CallError):  # something outside ended it, perhaps: make another
                kept.used.process.end()
        fresh = _Kept(self._imported(code, references, around, what, trains=trains))
        try:
            with told_to_user(what, code, None):
                if fresh.used.imported.forkable:
                    return self._forked(key, fresh, data)
                self._hold(fresh, data)
        except BaseException:
            fresh.used.process.end()
            raise
        return fresh.used

    def _forked(self, key: Any, kept: _Kept, data: tuple[str, TrialData] | None) -> CodeProcess:
        self._hold(kept, data)
        forked = kept.used.process.fork(seconds=question_seconds())
        self._kept[key] = kept
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)[1].used.process.end()
        return CodeProcess(forked, kept.used.imported, kept.used.code)

    def _hold(self, holder: _Kept, data: tuple[str, TrialData] | None) -> None:
        """Let a process hold data for the next use; no other then holds any, for want of memory."""
        if data is None or data[0] == holder.data:
            return
        for key, other in list(self._kept.items()):
            if other.data and not other.drop():
                del self._kept[key]
                other.used.process.end()
        holder.hold(data)

    def _imported(
        self, code: Code, references: tuple[str, ...], around: Surroundings, what: str, *, trains: bool
    ) -> CodeProcess:
        process = self._fork_of_first(trains=trains)
        try:
            with told_to_user(what, code, None):
                imported: Imported = process.call(
                    "tune_jobs.user_code.answers:import_all", around, code, references, seconds=question_seconds()
                )
        except BaseException:
            process.end()
            raise
        log_changes(references, imported.changes)
        return CodeProcess(process, imported, code)

    def start(self, *, trains: bool) -> Process:
        """Start the first process, unless it runs, and have it import what it needs; without waiting, if it is new."""
        if self._first is None or not self._first.alive or self._owner != os.getpid():
            if self._owner == os.getpid():
                for kept in self._kept.values():
                    kept.used.process.end()
            self._kept.clear()
            self._owner, self._trains = os.getpid(), trains
            modules = [*_IMPORTED_FIRST, *([_IMPORTED_TO_TRAIN] if trains else [])]
            self._first = start(modules, silent=self.silent)
        if trains and not self._trains:
            self._first.call("tune_jobs.user_code.answers:import_library", _IMPORTED_TO_TRAIN)
            self._trains = True
        return self._first

    def _fork_of_first(self, *, trains: bool) -> Process:
        try:
            try:
                return self.start(trains=trains).fork()
            except ProcessDeathError as error:
                if error.timed_out:
                    raise
                # Something outside ended it after its last use, such as the system for want of memory.
                return self.start(trains=trains).fork()
        except (ProcessDeathError, CallError) as error:
            raise ProcessLostError(f"a process for your code: it {error}; try again when less is running") from error


_PROCESSES = _Processes()
