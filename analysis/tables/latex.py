"""Tables for LaTeX that can be put into a paper as they are: a short caption, a label, rules, and notes below.

They need booktabs alone, fit a text of 345 pt (LaTeX's article), and are never scaled: columns that do not fit beside
each other are set below each other, each part with the table's first columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.tables.latex_text import latex_prose, latex_text
from analysis.tables.sheet import Column, Sheet

# The width that a table may take, and the gap between two of its columns, in points.
_WIDTH, _GAP = 345.0, 8.0
# The sizes of type, by how wide their characters are: smaller type is wider for its height.
_SIZES = (("footnotesize", 8.0), ("scriptsize", 7.5))
# Headings and words longer than this are broken into lines.
_LONG_HEADING, _TALL_HEADING, _LONG_WORDS = 12, 28, 26
# A caption longer than two lines leaves out what the table shows.
_TWO_LINES = 150
# How wide characters are, in units of the size of the type.
_NARROW, _WIDE = "fijlrt.,;:'!|()[]-/ ", "mwMW@%±→≥≤≈≠−+=×"
_NARROW_SHARE, _WIDE_SHARE, _CAPITAL_SHARE, _SHARE = 0.34, 0.88, 0.75, 0.545
# A symbol that is written by its code point.
_CODE_SHARE = 5.2


@dataclass(frozen=True)
class _Cells:
    """A column as LaTeX sets it: a heading of lines, and cells of one part or two, which meet where they are aligned.

    `kind` is "words" or "number".
    """

    heading: tuple[str, ...]
    cells: tuple[tuple[str, str], ...]
    kind: str

    @property
    def split(self) -> bool:
        """Whether cells have two parts."""
        return any(tail for _, tail in self.cells)

    def width(self, size: float) -> float:
        """The width in points."""
        heads, tails = ([_text_width(part[place], size) for part in self.cells] for place in (0, 1))
        inside = max(heads, default=0.0) + max(tails, default=0.0)
        return max(inside, *(_text_width(line, size) for line in self.heading))


def to_latex(shown: Sheet) -> str:
    """Write a table as a `table`; needs the package booktabs."""
    columns, notes = _without_notes(shown)
    parts, size = _parts([_cells(column) for column in columns])
    lines = [
        r"\begin{table}[htbp]",
        rf"\centering\{size}\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}",
        rf"\caption{{{caption_of(shown)}}}\label{{tab:{shown.name}}}\par\smallskip",
        "\n\\par\\medskip\n".join(_tabular(part) for part in parts),
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


def _without_notes(shown: Sheet) -> tuple[list[Column], list[str]]:
    """The columns without those of notes, whose texts go below the table, with marks beside the first column."""
    columns = [column for column in shown.columns if column.kind != "note"]
    notes = [column for column in shown.columns if column.kind == "note" and any(column.cells)]
    texts = list(dict.fromkeys(cell for column in notes for cell in column.cells if cell))
    marks = {text: _mark(place) for place, text in enumerate(texts)}
    of_row = [
        ",".join(marks[column.cells[row]] for column in notes if column.cells[row]) for row in range(shown.height)
    ]
    first = columns[0]
    marked = tuple(f"{cell}{_MARK}{mark}" if mark else cell for cell, mark in zip(first.cells, of_row, strict=True))
    columns[0] = Column(first.heading, marked, first.kind)
    return columns, [rf"\textsuperscript{{{mark}}}\,{latex_prose(text).rstrip('.')}." for text, mark in marks.items()]


# Stands between a cell and the mark of its note; no text has it, as text has no control characters.
_MARK = "\x1f"


def _mark(place: int) -> str:
    rounds, letter = divmod(place, 26)
    return chr(ord("a") + letter) * (rounds + 1)


def _cells(column: Column) -> _Cells:
    number = column.kind == "number"
    cells = tuple(_split(cell) if number else (cell, "") for cell in column.cells)
    return _Cells(tuple(heading_lines(column.heading)), cells, "number" if number else "words")


def _split(cell: str) -> tuple[str, str]:
    """Divide a number from what follows it: its half-width, its interval, or words."""
    places = [place for mark in (" ± ", " (", ", ", "; ") if (place := cell.find(mark)) > 0]
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
    leading = next((place for place, one in enumerate(columns) if one.kind != "words"), 1)
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


def _tabular(columns: Sequence[_Cells]) -> str:
    kinds = "".join("r@{}l" if one.split else "r" if one.kind == "number" else "l" for one in columns)
    height = len(columns[0].cells)
    lines = [
        rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
        r"\toprule",
        *_heads(columns),
        r"\midrule",
        *(" & ".join(_cell(one, row) for one in columns) + r" \\" for row in range(height)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _heads(columns: Sequence[_Cells]) -> list[str]:
    """The lines of the headings, the last of each column at the bottom."""
    count = max(len(one.heading) for one in columns)
    return [
        " & ".join(_head(one, [""] * (count - len(one.heading)) + list(one.heading), line) for one in columns) + r" \\"
        for line in range(count)
    ]


def _head(column: _Cells, lines: Sequence[str], line: int) -> str:
    text = latex_text(lines[line])
    return rf"\multicolumn{{2}}{{c}}{{{text}}}" if column.split else text


def _cell(column: _Cells, row: int) -> str:
    head, tail = column.cells[row]
    if column.kind == "number":
        return f"{latex_text(head)} & {_tail(tail)}" if column.split else latex_text(head)
    text, _, mark = head.partition(_MARK)
    mark = rf"\textsuperscript{{{mark}}}" if mark else ""
    lines = words_lines(text)
    if len(lines) == 1:
        return latex_text(text) + mark
    set_lines = r"\\".join(map(latex_text, lines))
    return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{set_lines}{mark}\end{{tabular}}"


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
