"""Processes with a set of the user's modules, and with nothing else of the user.

A process imports torch once, before any code of the user, and is forked for each set of modules. Where it can, the
process that has imported a set is forked in turn for each use, so that no use sees what another has changed.
"""

import contextlib
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from data_utils import TrialData
from tune_jobs.errors import UserError, shown
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.failure import at_place
from tune_jobs.isolation.process import Process, start
from tune_jobs.user_code.modules import Code, UserCodeError

_log = logging.getLogger(__name__)

# Imported before any code of the user, and so by all processes.
_IMPORTED_FIRST = ("torch", "models.engine", "models.output_check", "models.saved", "tune_jobs.user_code.answers")
# Imported before the first training: torch's optimizers import it when they are first used, which takes seconds.
_IMPORTED_TO_TRAIN = "torch._dynamo"
# Sets of modules whose process is kept for the next use.
_MOST_KEPT = 4
_SECONDS = "ABLATUNE_USER_CODE_SECONDS"
_DEFAULT_SECONDS = 120.0


@dataclass(frozen=True)
class Surroundings:
    """What the user's code finds around it, as in the process that asks: the folder, the module path, the environment.

    A process that was started earlier may have others.
    """

    folder: str | None
    path: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def here(cls) -> "Surroundings":
        """Those of this process."""
        try:
            folder: str | None = os.getcwd()
        except FileNotFoundError:
            folder = None
        return cls(folder, tuple(sys.path), dict(os.environ))


@dataclass(frozen=True)
class Imported:
    """A set of modules as imported.

    Attributes:
        forkable: whether the process can be forked: it has no threads, and has not touched a GPU.
        changes: what the modules changed in the process, in words.
    """

    forkable: bool
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeProcess:
    """A process that has imported a set of modules.

    Attributes:
        process: to call functions in.
        imported: what the import did.
        code: where the modules come from.
    """

    process: Process
    imported: Imported
    code: Code

    def call(self, target: str, *arguments: Any, what: str, seconds: float | None = None) -> Any:
        """Call a function of this project there, about the user's code.

        Args:
            target: "module:function".
            arguments: plain values, and values of this project.
            what: the user's component, for messages.
            seconds: after which it is given up; the usual limit if None.

        Raises:
            UserError: the process ended, hung, or the user's code raised; the message has the user's file and line.
        """
        with _told(what, self.code, seconds):
            return self.process.call(target, *arguments, seconds=seconds or question_seconds())


def log_changes(references: Iterable[str], changes: Iterable[str]) -> None:
    """Warn of what the user's code changed in its process; the same line is shown once."""
    for change in changes:
        _log.warning("%s changes %s; other trials are not affected", " and ".join(references), change)


class ProcessLostError(UserError):
    """Something outside ended a process with the user's code, such as the system for want of memory."""


def question_seconds() -> float:
    """How long a question about the user's code may take, import included.

    Raises:
        UserError: the environment says something else than a number above 0.
    """
    text = os.environ.get(_SECONDS)
    if text is None:
        return _DEFAULT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not 0 < seconds < inf:
        raise UserError(f"{_SECONDS}: {shown(text)} is not a number of seconds above 0; mend it, or unset it")
    return seconds


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
            with _told(what, code, None):
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
            with _told(what, code, None):
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


@contextmanager
def _told(what: str, code: Code, seconds: float | None) -> Iterator[None]:
    """Turn what goes wrong in a process into a line for the user."""
    try:
        yield
    except CallError as error:
        raise UserCodeError.of(error.failure, what, code) from error
    except ProcessDeathError as error:
        if error.timed_out:
            limit = seconds or question_seconds()
            late = at_place(f"{what}: does not return within {limit:.0f} s", error.place(code.files))
            advice = f"let it return sooner, or set {_SECONDS}" if seconds is None else "let it return sooner"
            raise UserError(f"{late}; {advice}") from error
        ended = f"{what}: {error.at(code.files)}"
        if error.killed:
            raise ProcessLostError(f"{ended}; is there enough memory?") from error
        raise UserError(f"{ended}; your code must leave the process running") from error
