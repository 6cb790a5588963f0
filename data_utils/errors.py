"""The error that datasets raise, and the phrases that its messages share."""

import unicodedata
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


def shown(value: object, most: int = 80) -> str:
    """Write a value that a message quotes: as Python does, printable, and cut after ``most`` letters."""
    if isinstance(value, int) and value.bit_length() > 4 * most:
        return f"a whole number of {value.bit_length():,} bits"  # Python refuses to write very long numbers
    try:
        text = printable(repr(value))
    except Exception:  # whatever the value's own code raises
        text = f"a {type(value).__name__}"
    return cut(text, most)


def cut(text: str, most: int = 80) -> str:
    """Shorten a text to ``most`` letters; an ellipsis shows where it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """Write control characters and halves of surrogate pairs as escapes, so any terminal and any file takes the text.

    Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(ascii(letter)[1:-1] if is_control(letter) else letter for letter in text)


def is_control(letter: str) -> bool:
    """Whether a character cannot stand in a text: a control character, or half of a surrogate pair."""
    return letter not in "\n\r\t" and (unicodedata.category(letter) in ("Cc", "Cs") or letter in _DIRECTIONS)


# They change the direction of the text after them, so what is shown is not what is there.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
