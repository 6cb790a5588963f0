"""What the captions of a report's tables share, which is said once before the first table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.report.section import Section
from analysis.tables.captions import Said, shared_sentences

_DATA = "data"

Captions = Mapping[str, tuple[Said, ...]]


def without_shared(sections: Sequence[Section]) -> tuple[list[str], list[Section]]:
    """What tables share, in paragraphs to stand before them, and the sections without it.

    One paragraph is about all tables. Where tables are on several data, those on the same data have one as well, and
    each still names its data. A table whose caption says something else of the same kind keeps that sentence.
    """
    said: dict[str, tuple[Said, ...]] = {
        section.name: tuple(section.view.said) for section in sections if section.view is not None
    }
    of_data = _by_data(said)
    several = len(of_data) > 1
    paragraphs = _move(said, list(said), "All tables", keep=_differing(said) if several else ())
    for data, names in of_data.items() if several else ():
        paragraphs += _move(said, names, f"Tables on {data.words.partition(' ')[2].rstrip('.')}", about=data)
    return paragraphs, [
        section if section.view is None else replace(section, view=replace(section.view, said=said[section.name]))
        for section in sections
    ]


def _by_data(said: Captions) -> dict[Said, list[str]]:
    """The names of the tables on the same data, by the sentence that names these."""
    found: dict[Said, list[str]] = {}
    for name, caption in said.items():
        data = next((one for one in caption if one.kind == _DATA), None)
        if data is not None:
            found.setdefault(data, []).append(name)
    return found


def _differing(said: Captions) -> list[str]:
    """The kinds of which tables do not all say the same."""
    words: dict[str, set[Said]] = {}
    for one in (one for caption in said.values() for one in caption):
        words.setdefault(one.kind, set()).add(one)
    return [kind for kind, found in words.items() if len(found) > 1]


def _move(
    said: dict[str, tuple[Said, ...]],
    names: Sequence[str],
    tables: str,
    *,
    keep: Sequence[str] = (),
    about: Said | None = None,
) -> list[str]:
    """Take what some tables share out of their captions, and write it as a paragraph; none where they share nothing.

    Args:
        said: the captions by table, which are changed.
        names: of the tables.
        tables: which they are, in words.
        keep: kinds of sentence that stay where they are.
        about: the sentence that the paragraph's first words replace; of it, captions keep the beginning.
    """
    captions = [[one for one in said[name] if one.kind not in keep] for name in names]
    shared = shared_sentences(captions)
    if not shared or shared == [about]:
        return []
    kinds = {one.kind for one in shared}
    differ = any(one.kind in kinds and one not in shared for caption in captions for one in caption)
    for name in names:
        said[name] = tuple(
            _brief(one) if one == about else one for one in said[name] if one not in shared or one == about
        )
    words = [one.words for one in shared if one != about]
    return [" ".join([f"{tables}, unless one says otherwise:" if differ else f"{tables}:", *words])]


def _brief(data: Said) -> Said:
    return Said("data", f"{data.words.partition(',')[0].rstrip('.')}.")
