"""The one error that a dataset raises."""

from collections.abc import Iterable
from difflib import get_close_matches


class DatasetError(ValueError):
    """A dataset that cannot be used: one line that says what, where, the rule, and what to do."""


def advice(word: str, known: Iterable[str], *, plural: str) -> str:
    """Return the end of a line about a name that does not exist: the nearest that does, or all of them."""
    names = list(known)
    nearest = get_close_matches(word, names, n=1) or [name for name in names if name.casefold() == word.casefold()]
    return f"did you mean {nearest[0]}?" if nearest else f"the {plural} are {', '.join(names) or 'none'}"
