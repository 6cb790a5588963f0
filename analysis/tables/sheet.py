"""A table of text: the same columns whatever it is written as."""

from dataclasses import dataclass

# The heading of what the seeds of an unclear difference could have shown.
OUTLOOK = "Smallest shown; seeds to settle"


@dataclass(frozen=True)
class Column:
    """A column of text, a cell for each line. `kind` is "words", "number" or "note" (long, often empty)."""

    heading: str
    cells: tuple[str, ...]
    kind: str = "number"


@dataclass(frozen=True)
class Sheet:
    """A table of text.

    Attributes:
        name: of its files and its label.
        caption: sentences.
        says: what the table shows, in a few words, where a caption must be short.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    caption: tuple[str, ...] = ()
    says: str = ""

    @property
    def height(self) -> int:
        """How many lines the table has."""
        return len(self.columns[0].cells) if self.columns else 0

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells, line by line."""
        return list(zip(*(column.cells for column in self.columns), strict=True))
