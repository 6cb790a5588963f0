"""Errors that the user can fix: one clear line, exit code 2."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from data_utils.errors import cut, is_control, printable, shown

__all__ = [
    "ConfigError",
    "StorageError",
    "UserError",
    "cut",
    "first_line",
    "is_control",
    "locate",
    "redacted",
    "shown",
    "unknown",
]

_LONGEST_NAME = 200
# A secret may contain a slash, so everything up to the last @ before the options is hidden. S3 URIs have no port.
_CREDENTIALS = re.compile(
    r"(\w+://)[^\s'\"?]*@"
    r"|(s3://)[^\s'\"?@/]*:[^\s'\"?]*"
    r"|(\w+://)[^\s'\"?@/]*:(?!\d{1,5}(?:[/?#'\"\s,;]|$))[^\s'\"?]*",
    re.IGNORECASE,
)
_SECRET_OPTION = re.compile(r"([?&][^=&\s]*(?:key|secret|token|password)[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE)


class UserError(ValueError):
    """Bad input: the message says what is wrong and where, the rule, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class StorageError(UserError):
    """A storage that cannot be reached, read or written: not the fault of a trial, and perhaps temporary."""


class StorageRefusedError(StorageError):
    """A storage that is full, read-only, over its quota or closed to us: waiting does not help, somebody must act.

    Attributes:
        unwritten: finished files that it did not take, by their path in the storage.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.unwritten: dict[tuple[str, ...], bytes] = {}


class ConfigError(UserError):
    """A configuration field with an invalid value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that a name does not exist, and suggest the nearest one, or list all."""
    names = sorted(known)
    word = str(name)
    # Comparing a very long text with each name takes minutes.
    nearest = get_close_matches(word[:_LONGEST_NAME], names, n=1) or [
        known for known in names if word and word in known
    ]
    advice = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(names)}"
    return f"there is no {kind} {shown(name)}; {advice}"


def locate(error: UserError, place: str) -> None:
    """Put the place of a mistake before an error's message."""
    error.args = (printable(f"{place}: {error}"),)


def redacted(text: str) -> str:
    """Hide the credentials in the URIs of a text, so it can be shown and recorded."""
    shown = _CREDENTIALS.sub(lambda found: f"{found[1] or found[2] or found[3]}…@", text)
    return _SECRET_OPTION.sub(r"\1…", shown)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type if the message is empty."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
