"""A process that has imported a set of the user's modules, and how questions are put to it."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from tune_jobs.errors import UserError, shown
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.failure import at_place
from tune_jobs.isolation.process import Process
from tune_jobs.user_code.modules import Code, UserCodeError

_log = logging.getLogger(__name__)
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
        with told_to_user(what, self.code, seconds):
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
def told_to_user(what: str, code: Code, seconds: float | None) -> Iterator[None]:
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
