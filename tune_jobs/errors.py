"""Errors that are the user's to mend: one clear line, exit code 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Bad input: the message says what, where, the rule, and what to do."""


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
