"""Tables for LaTeX that can be put into a paper as they are: a short caption, a label, rules, and notes below.

They need booktabs alone, or siunitx too where it aligns their numbers. They fit a text of 345 pt (LaTeX's article) and
are never scaled: columns that do not fit beside each other are set below each other, each part with the first columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.tables.latex_text import latex_prose, latex_text
from analysis.tables.sheet import Column, Sheet
from analysis.tables.siunitx import PREAMBLE, number_cell, number_kind, split_after_number, widest_number

# The width that a table may take, and the gap between two of its columns, in points. A line of the class article has
# 345; the widths of letters are estimates.
_WIDTH, _GAP = 336.0, 8.0
# The sizes of type, by how wide their characters are: smaller type is wider for its height.
_SIZES = (("footnotesize", 8.0), ("scriptsize", 7.5))
# Headings and words longer than this are broken into lines.
_LONG_HEADING, _TALL_HEADING, _LONG_WORDS = 12, 28, 26
# A caption longer than two lines leaves out what the table shows.
_TWO_LINES = 150
# A level that is a number, with the mark of the default: what stands before its decimal point, and the rest.
_LEVEL = re.compile(r"^([+−-]?\d[\d,]*)((?:\.\d+)?\*?)$")
# What follows a number in its cell.
_AFTER_NUMBER = (" ± ", " (", ", ", "; ", " in every pair")
# How wide characters are, in units of the size of the type.
_NARROW, _WIDE = "fijlrt.,;:'!|()[]-/ ", "mwMW@%±→≥≤≈≠−+=×"
_NARROW_SHARE, _WIDE_SHARE, _CAPITAL_SHARE, _SHARE = 0.34, 0.88, 0.75, 0.545
# A symbol that is written by its code point.
_CODE_SHARE = 5.2


@dataclass(frozen=True)
class _Cells:
    """A column as LaTeX sets it: a heading of lines, and cells of one part or two, which meet where they are aligned.

    `kind` is "words", "number", or "level" for words that are numbers. `marks` of notes stand behind the cells,
    and `widest` is a text as wide as what siunitx makes of the first parts.
    """

    heading: tuple[str, ...]
    cells: tuple[tuple[str, str], ...]
    kind: str
    marks: tuple[str, ...] = ()
    widest: str = ""

    @property
    def split(self) -> bool:
        """Whether cells have two parts, which meet."""
        return any(tail for _, tail in self.cells) or (self.kind != "words" and any(self.marks))

    def mark(self, row: int) -> str:
        """The mark of a cell's notes, as LaTeX sets it; "" without one."""
        mark = self.marks[row] if self.marks else ""
        return rf"\textsuperscript{{{mark}}}" if mark else ""

    def width(self, size: float) -> float:
        """The width in points."""
        heads, tails = ([_text_width(part[place], size) for part in self.cells] for place in (0, 1))
        marks = max((_text_width(mark, size) for mark in self.marks), default=0.0)
        inside = max([*heads, _text_width(self.widest, size)]) + max(tails, default=0.0) + marks
        return max(inside, *(_text_width(line, size) for line in self.heading))


def to_latex(shown: Sheet, *, siunitx: bool = False) -> str:
    """Write a table as a `table`; needs the package booktabs.

    Args:
        shown: the table.
        siunitx: align numbers by the package siunitx, which is needed too.
    """
    columns, notes, marks = _without_notes(shown)
    leading = next((place for place, column in enumerate(columns) if column.kind != "words"), 1) or 1
    cells = [_level_cells(column, () if place else marks) for place, column in enumerate(columns[:leading])]
    parts, size = _parts([*cells, *(_cells(column, siunitx=siunitx) for column in columns[leading:])])
    lines = [
        r"\begin{table}[htbp]",
        rf"\centering\{size}\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}",
        *([PREAMBLE] if siunitx else []),
        rf"\caption{{{caption_of(shown)}}}\label{{tab:{shown.name}}}\par\smallskip",
        "\n\\par\\medskip\n".join(_tabular(part, siunitx=siunitx) for part in parts),
        *below([*notes, " ".join(map(latex_prose, shown.caption))]),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def caption_of(shown: Sheet) -> str:
    """A caption of two lines at most: the title, and what the table shows."""
    title = shown.title.rstrip(".")
    short = f"{latex_text(title)}."
    return f"{short} {latex_text(shown.says)}" if shown.says and len(title + shown.says) < _TWO_LINES else short


def below(notes: Sequence[str]) -> list[str]:
    """The lines that set notes below a table; none without notes."""
    text = " ".join(note for note in notes if note)
    if not text:
        return []
    return [r"\par\smallskip", rf"\begin{{minipage}}{{\linewidth}}\raggedright {text}\end{{minipage}}"]


def _without_notes(shown: Sheet) -> tuple[list[Column], list[str], tuple[str, ...]]:
    """The columns without those of notes, whose texts go below the table, and the marks of each line's notes."""
    columns = [column for column in shown.columns if column.kind != "note"]
    notes = [column for column in shown.columns if column.kind == "note" and any(column.cells)]
    texts = list(dict.fromkeys(cell for column in notes for cell in column.cells if cell))
    marks = {text: _mark(place) for place, text in enumerate(texts)}
    of_row = tuple(
        ",".join(marks[column.cells[row]] for column in notes if column.cells[row]) for row in range(shown.height)
    )
    words = [rf"\textsuperscript{{{mark}}}\,{latex_prose(text).rstrip('.')}." for text, mark in marks.items()]
    return columns, words, of_row


def _mark(place: int) -> str:
    rounds, letter = divmod(place, 26)
    return chr(ord("a") + letter) * (rounds + 1)


def _level_cells(column: Column, marks: tuple[str, ...]) -> _Cells:
    """The first column, aligned at the decimal points where it has only numbers, with the marks of notes."""
    heading = tuple(heading_lines(column.heading))
    parts = [_LEVEL.match(cell) for cell in column.cells]
    found = [match for match in parts if match]
    if len(found) == len(parts):
        return _Cells(heading, tuple((match[1], match[2]) for match in found), "level", marks)
    return _Cells(heading, tuple((cell, "") for cell in column.cells), "words", marks)


def _cells(column: Column, *, siunitx: bool) -> _Cells:
    number = column.kind == "number"
    divide = split_after_number if siunitx else _split
    cells = tuple(divide(cell) if number else (cell, "") for cell in column.cells)
    widest = widest_number([head for head, _ in cells]) if number and siunitx else ""
    return _Cells(tuple(heading_lines(column.heading)), cells, "number" if number else "words", widest=widest)


def _split(cell: str) -> tuple[str, str]:
    """Divide a number from what follows it: its half-width, its interval, or words."""
    places = [place for mark in _AFTER_NUMBER if (place := cell.find(mark)) > 0]
    place = min(places, default=len(cell))
    return cell[:place], cell[place:]


def heading_lines(heading: str) -> list[str]:
    """Break a heading into two lines of words, as equal as they can be; three where these are long."""
    words = heading.split()
    if len(heading) <= _LONG_HEADING or len(words) == 1:
        return [heading]
    if len(heading) > 3 * _LONG_WORDS:
        return words_lines(heading)
    count = 3 if len(heading) > _TALL_HEADING and len(words) > 2 else 2
    return min(_divisions(words, count), key=lambda lines: max(map(len, lines)))


def _divisions(words: Sequence[str], count: int) -> list[list[str]]:
    if count == 1:
        return [[" ".join(words)]]
    return [
        [" ".join(words[:cut]), *rest]
        for cut in range(1, len(words) - count + 2)
        for rest in _divisions(words[cut:], count - 1)
    ]


def _parts(columns: Sequence[_Cells]) -> tuple[list[list[_Cells]], str]:
    """Divide the columns so that each part fits, and choose the size of type, the largest that needs fewest parts."""
    choices = [(_divided(columns, size), name) for name, size in _SIZES]
    return min(choices, key=lambda choice: len(choice[0]))


def _divided(columns: Sequence[_Cells], size: float) -> list[list[_Cells]]:
    leading = next((place for place, one in enumerate(columns) if one.kind == "number"), 1)
    first = min(max(leading, 1), 2)
    levels, parts = list(columns[:first]), [list(columns[:first])]
    for group in _together(columns[first:]):
        width = sum(_GAP + one.width(size) for one in (*parts[-1], *group))
        if width > _WIDTH and len(parts[-1]) > len(levels):
            parts.append(list(levels))
        parts[-1] += group
    return parts


def _together(columns: Sequence[_Cells]) -> list[list[_Cells]]:
    """Columns that stay beside each other: words belong to the number before them."""
    groups: list[list[_Cells]] = []
    for column in columns:
        if column.kind == "words" and groups and groups[-1][-1].kind == "number":
            groups[-1].append(column)
        else:
            groups.append([column])
    return groups


def _tabular(columns: Sequence[_Cells], *, siunitx: bool) -> str:
    kinds = "".join(_kind(one, siunitx=siunitx) for one in columns)
    height = len(columns[0].cells)
    cell = _siunitx_cell if siunitx else _cell
    lines = [
        rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
        r"\toprule",
        *_heads(columns, siunitx=siunitx),
        r"\midrule",
        *(" & ".join(cell(one, row) for one in columns) + r" \\" for row in range(height)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _kind(column: _Cells, *, siunitx: bool) -> str:
    if column.kind == "words":
        return "l"
    first = number_kind([head for head, _ in column.cells]) if siunitx and column.kind == "number" else "r"
    return rf"{first}@{{}}l" if column.split else first


def _heads(columns: Sequence[_Cells], *, siunitx: bool) -> list[str]:
    """The lines of the headings, the last of each column at the bottom."""
    count = max(len(one.heading) for one in columns)
    texts = [[""] * (count - len(one.heading)) + [latex_text(line) for line in one.heading] for one in columns]
    return [
        " & ".join(_head(one, lines[line], siunitx=siunitx) for one, lines in zip(columns, texts, strict=True)) + r" \\"
        for line in range(count)
    ]


def _head(column: _Cells, text: str, *, siunitx: bool) -> str:
    if column.kind == "level":
        return rf"\multicolumn{{{2 if column.split else 1}}}{{@{{}}l}}{{{text}}}"
    if column.split:
        return rf"\multicolumn{{2}}{{c}}{{{text}}}"
    # An S column takes a text in braces.
    return f"{{{text}}}" if siunitx and column.kind == "number" and text else text


def _cell(column: _Cells, row: int) -> str:
    head, tail = column.cells[row]
    if column.kind != "words":
        return f"{latex_text(head)} & {_tail(tail)}{column.mark(row)}" if column.split else latex_text(head)
    lines, mark = words_lines(head), column.mark(row)
    if len(lines) == 1:
        return latex_text(head) + mark
    set_lines = r"\\".join(map(latex_text, lines))
    return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{set_lines}{mark}\end{{tabular}}"


def _siunitx_cell(column: _Cells, row: int) -> str:
    head, tail = column.cells[row]
    if column.kind != "number":
        return _cell(column, row)
    return f"{number_cell(head)} & {_tail(tail)}" if column.split else number_cell(head)


def words_lines(text: str) -> list[str]:
    """Break words into lines; a word that is too long is broken as well."""
    lines = [""]
    for word in text.split():
        pieces = [word[start : start + _LONG_WORDS] for start in range(0, len(word), _LONG_WORDS)]
        for piece in pieces:
            joined = f"{lines[-1]} {piece}".strip() if piece == pieces[0] else piece
            if len(joined) <= _LONG_WORDS and piece == pieces[0]:
                lines[-1] = joined
            else:
                lines.append(piece)
    return [line for line in lines if line] or [""]


def _tail(tail: str) -> str:
    if tail.startswith(" ± "):
        return rf"\,$\pm$\,{latex_text(tail[3:])}"
    return f"~{latex_text(tail)}" if tail.startswith(" ") else latex_text(tail)


def _text_width(text: str, size: float) -> float:
    if len(text) > _LONG_WORDS:
        return max(_line_width(line, size) for line in words_lines(text))
    return _line_width(text, size)


def _line_width(line: str, size: float) -> float:
    return size * sum(map(_character_width, line))


def _character_width(character: str) -> float:
    for characters, share in ((_NARROW, _NARROW_SHARE), (_WIDE, _WIDE_SHARE)):
        if character in characters:
            return share
    if latex_text(character).startswith("{[}U+"):
        return _CODE_SHARE
    return _CAPITAL_SHARE if character.isupper() else _SHARE
