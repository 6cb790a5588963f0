"""The error that datasets raise, and the phrases that its messages share."""

from collections.abc import Iterable
from difflib import get_close_matches


class DatasetError(ValueError):
    """A dataset that cannot be used: one line that says what, where, the rule, and what to do."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that ``word`` is probably a misspelling of; None if there is no such name."""
    names = list(known)
    close = get_close_matches(word, names, n=1) or [name for name in names if name.casefold() == word.casefold()]
    return close[0] if close else None


def advice(word: str, known: Iterable[str], *, plural: str) -> str:
    """End a message about an unknown name: suggest the nearest known one, or list them all."""
    names = list(known)
    guess = nearest(word, names)
    return f"did you mean {guess}?" if guess else f"the {plural} are {', '.join(names) or 'none'}"


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())
