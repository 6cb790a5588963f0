"""Errors that are the user's to mend: one clear line, exit code 2."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

# A secret may have a slash in it: all up to the last @ before the options is left out. S3 knows no ports.
_CREDENTIALS = re.compile(
    r"(\w+://)[^\s'\"?]*@"
    r"|(s3://)[^\s'\"?@/]*:[^\s'\"?]*"
    r"|(\w+://)[^\s'\"?@/]*:(?!\d{1,5}(?:[/?#'\"\s,;]|$))[^\s'\"?]*",
    re.IGNORECASE,
)
_SECRET_OPTION = re.compile(r"([?&][^=&\s]*(?:key|secret|token|password)[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE)


class UserError(ValueError):
    """Bad input: the message says what, where, the rule, and what to do."""


class StorageError(UserError):
    """A storage that cannot be reached, read or written: no trial's fault, and perhaps gone when it is tried again."""


class ConfigError(UserError):
    """A configuration field with a value that it cannot have."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Return the line for a name that does not exist: the nearest that does, or all of them."""
    names = sorted(known)
    word = str(name)
    nearest = get_close_matches(word, names, n=1) or [known for known in names if word and word in known]
    advice = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(names)}"
    return f"there is no {kind} {str(name)!r}; {advice}"


def redacted(text: str) -> str:
    """Return text without the credentials of the URIs in it, as it may be shown and written down."""
    shown = _CREDENTIALS.sub(lambda found: f"{found[1] or found[2] or found[3]}…@", text)
    return _SECRET_OPTION.sub(r"\1…", shown)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
