"""What was taken as what in a user's data, where the declaration leaves it open: for people to read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Taken:
    """One guess about the data, or a warning of what is in them.

    Attributes:
        what: What was taken as what, in one line.
        names: Of the columns that it is about.
        advice: What to write if the guess is wrong; empty for a warning.
    """

    what: str
    names: tuple[str, ...] = ()
    advice: str = ""

    def in_words(self, most: int | None = None) -> str:
        """Say it in one line, with at most so many names."""
        shown = list(self.names if most is None or len(self.names) <= most + 1 else self.names[:most])
        if len(shown) < len(self.names):
            shown.append(f"and {len(self.names) - len(shown)} more")
        names = f": {', '.join(shown)}" if shown else ""
        return f"{self.what}{names}" + (f"; {self.advice}" if self.advice else "")

    @classmethod
    def from_plain(cls, values: Sequence[object]) -> "Taken":
        """Restore it from the values of `to_plain`."""
        what, names, advice = values
        if not isinstance(names, Collection):
            raise TypeError(f"{names!r} are no names")
        return cls(str(what), tuple(map(str, names)), str(advice))

    def to_plain(self) -> list[object]:
        """Its attributes as JSON values."""
        return [self.what, list(self.names), self.advice]
