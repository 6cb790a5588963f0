"""Counts, durations, sizes and signs in words: the same on a terminal and in a report."""

import re
from collections.abc import Iterator
from functools import lru_cache

_MINUS = "−"
_BLANKS = re.compile(r"(\s+)")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Say how many: "1 trial", "3 trials", "1,200 trials"; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """Say how long: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def file_size(size_bytes: float) -> str:
    """Say how large, in powers of 1,000: "812 B", "14 kB", "3.2 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.2g} {unit}" if 0 < size_bytes < 9.95 and unit != "B" else f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:,.1f} TB"


def signed(value: float, decimals: int) -> str:
    """Write a difference with its sign: "+1.20", "−0.35", and "0.00" where it rounds to nothing."""
    text = f"{value:+,.{decimals}f}"
    return text.replace("-", _MINUS) if text.strip("+-0.,") else text.lstrip("+-")


def printable(text: str) -> str:
    """Replace what is no visible character by blanks: names may hold codes that change a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


@lru_cache(maxsize=4096)
def cells(text: str) -> int:
    """How many cells of a terminal a text takes: two for each letter of Chinese, Japanese or Korean."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def broken(text: str, columns: int, *, indent: str = "") -> list[str]:
    """Break a text into lines of so many cells: between words, or beside a letter that is two cells wide.

    A word that is longer than a line stays whole.

    Args:
        indent: of the lines after the first.
    """
    lines, blank = [""], ""
    for piece in _pieces(text):
        if piece.isspace():
            blank = piece
        elif not lines[-1].strip() or cells(lines[-1] + blank + piece) <= columns:
            lines[-1] += ("" if len(lines) > 1 and lines[-1] == indent else blank) + piece
            blank = ""
        else:
            lines.append(indent + piece)
            blank = ""
    return lines


def _pieces(text: str) -> Iterator[str]:
    for word in filter(None, _BLANKS.split(text)):
        start = 0
        for place, letter in enumerate(word):
            if cells(letter) > 1:
                yield from filter(None, (word[start:place], letter))
                start = place + 1
        yield from filter(None, [word[start:]])
