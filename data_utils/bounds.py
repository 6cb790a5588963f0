"""Between which bounds a number must lie."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds of a number, each None for none.

    Attributes:
        at_least, at_most: which it may equal.
        above, below: which it may not.
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def allow(self, number: float) -> bool:
        """Whether a number lies between the bounds."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
        )

    @property
    def bounds(self) -> dict[str, Any]:
        """Those that there are, as keyword arguments."""
        named = {"at_least": self.at_least, "above": self.above, "at_most": self.at_most, "below": self.below}
        return {name: bound for name, bound in named.items() if bound is not None}

    @property
    def bounds_words(self) -> str:
        """The bounds in words: "at least 0 and below 1"; "" if there are none."""
        return " and ".join(f"{name.replace('_', ' ')} {bound:g}" for name, bound in self.bounds.items())
