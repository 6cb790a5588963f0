"""The live display of a run on a terminal: a bar, the best so far, and the trials that are training.

It fits any width: lines that are too long for the terminal are split where that can be, and else cut with an ellipsis.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from tune_jobs.training.ray_guard import at_sudden_end
from tune_jobs.training.snapshot import InTraining, Snapshot
from tune_jobs.words import broken, cells, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_REFRESHES_PER_SECOND = 2.0
_LEAST_BAR, _MOST_BAR = 10, 40
# So many trials in training have a line, where the terminal is high enough; so many best ones are named, each in so
# many lines.
_MOST_TRAINING, _MOST_BEST, _MOST_LABEL = 8, 3, 3
# Lines of the terminal that are left to what was printed before.
_LINES_LEFT = 3
_ECHO = 2


class Terminal:
    """Shows how far a run is on a terminal, redrawn in place; it is gone when closed."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        class Visible(Console):
            def show_cursor(self, show: bool = True) -> bool:
                return False  # a process that is killed could not show it again

        self._snapshot: Snapshot | None = None
        self._live = Live(
            console=Visible(file=stream),
            get_renderable=self._rendered,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
            # What goes to a file must not come here.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._live.start()
        self._until_closed = ExitStack()
        self._until_closed.enter_context(at_sudden_end(self._live.stop))

    def update(self, snapshot: Snapshot) -> None:
        """Show this from the next redrawing on."""
        self._snapshot = snapshot

    def say(self, line: str) -> None:
        """Print a separate line above."""
        self._live.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the display."""
        self._until_closed.close()
        self._live.stop()

    def _rendered(self) -> "RenderableType":
        return "starting" if self._snapshot is None else Picture(self._snapshot)


class Picture:
    """A snapshot, drawn for the width and height of a terminal."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        # A terminal echoes Ctrl-C as two characters: where they do not fit, a line would be left standing.
        snapshot, width = self._snapshot, max(1, options.max_width - _ECHO)
        lines = [*_head(snapshot, width), *_best_lines(snapshot.best[:_MOST_BEST], width)]
        room = console.size.height - _LINES_LEFT - len(lines)
        lines += _training_lines(snapshot.training, width, max(1, min(room, _MOST_TRAINING)))
        yield from lines


def _head(snapshot: Snapshot, width: int) -> "list[RenderableType]":
    """The bar with the count and the times beside it, or below it where they do not fit."""
    facts = [snapshot.count, snapshot.elapsed, snapshot.left, *snapshot.notes]
    beside: list[str] = []
    while facts and len(", ".join([*beside, facts[0]])) + 1 + _LEAST_BAR <= width:
        beside.append(facts.pop(0))
    return [_Bar(snapshot.share, ", ".join(beside), width), *_filled(facts, width)]


class _Bar:
    """A bar with words beside it."""

    def __init__(self, share: float, words: str, width: int) -> None:
        self._share, self._words, self._width = share, words, width

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        width = min(_MOST_BAR, self._width - len(self._words) - 1)
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=width, no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_row(ProgressBar(total=1.0, completed=self._share, width=width), _text(self._words))
        yield grid


def _filled(facts: Sequence[str], width: int) -> "list[RenderableType]":
    """Put facts on as few lines as they need, cut none that fits on a line."""
    lines: list[str] = []
    for fact in facts:
        if lines and len(lines[-1]) + 2 + len(fact) <= width:
            lines[-1] += f", {fact}"
        else:
            lines.append(fact)
    return [_text(line) for line in lines]


def _best_lines(best: Sequence[tuple[str, str]], width: int) -> "list[RenderableType]":
    lines: list[str] = []
    for value, label in best:
        whole = f"best so far: {value} ({label})"
        if cells(whole) <= width:
            lines.append(whole)
            continue
        more = broken(label, max(width - 2, 10))
        if len(more) > _MOST_LABEL:
            more = [*more[: _MOST_LABEL - 1], f"{more[_MOST_LABEL - 1]} …"]
        lines += [*broken(f"best so far: {value}", width, indent="  "), *(f"  {part}" for part in more)]
    return list(map(_text, lines))


def _training_lines(training: Sequence[InTraining], width: int, most: int) -> "list[RenderableType]":
    """A line for each trial in training, its epochs below those of the others; the last line counts those left out."""
    shown = training if len(training) <= most else training[: most - 1]
    column = max((len(one.position) for one in shown), default=0)
    # Beside labels, not at the far end of a wide terminal.
    longest = min(width - column - 2, max((cells(one.label) for one in shown), default=0))
    lines: list[RenderableType] = []
    for one in shown:
        line = _text(one.label)
        line.truncate(max(1, longest), overflow="ellipsis", pad=True)
        line.append(f"  {one.position:>{column}}")
        lines.append(line)
    if left := len(training) - len(shown):
        lines.append(_text(f"{'and ' if shown else ''}{left:,} {'more ' if shown else ''}in training"))
    return lines


def _text(words: str) -> "Text":
    from rich.text import Text

    return Text(printable(words), no_wrap=True, overflow="ellipsis")
