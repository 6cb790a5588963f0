"""Figures as parts of a page: SVG without ids that could meet, with the page's colours and its font."""

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from analysis.figures.style import DARK_GREY, GREY, LIGHT_GREY, PALETTE

# The page's names for colours, so that figures are legible on a dark page.
INK, PAPER = "var(--ink)", "var(--paper)"
LEVEL_COLOURS = {colour.lower(): f"var(--level-{number})" for number, colour in enumerate(PALETTE)}
_COLOURS = {
    **LEVEL_COLOURS,
    "#000000": INK,
    "#ffffff": PAPER,
    "#cccccc": "var(--rule)",
    "#b0b0b0": "var(--grid)",
    LIGHT_GREY.lower(): "var(--band)",
    GREY.lower(): "var(--grey)",
    DARK_GREY.lower(): "var(--soft)",
}
_COLOUR = re.compile("|".join(_COLOURS))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
# What figures call the artists of a level, by its row's position among all rows of the study, and of a search's trial.
_LEVEL = re.compile(r"level-(\d+)")
_TRIAL = re.compile(r"trial-(-?\d+)")
_LINK = "{http://www.w3.org/1999/xlink}href"


def inline_svg(content: bytes, name: str, title: str, marks: Mapping[int, str]) -> str:
    """Turn an SVG file of matplotlib into an element of a page.

    Args:
        content: of the file.
        name: of the figure; its ids begin with it.
        title: for those who cannot see it.
        marks: what the page calls the levels, by the position of their rows.
    """
    root = ElementTree.fromstring(content)
    _clean(root)
    for group in root.iter("g"):
        if group.get("id", "").startswith("axes_"):
            _keep_colours_on_image(group)
    _drop_backgrounds(root)
    for element in root.iter():
        _rename(element, name, marks)
        _recolour(element)
    width, height = (float(root.get(side, "0").removesuffix("pt")) * 4 / 3 for side in ("width", "height"))
    for side in ("version", "width", "height"):
        root.attrib.pop(side, None)
    root.attrib |= {"class": "drawn", "width": f"{width:.0f}", "height": f"{height:.0f}", "role": "img"}
    root.set("aria-label", title)
    return ElementTree.tostring(root, encoding="unicode")


def _clean(root: Element) -> None:
    """Drop namespaces, metadata, comments and matplotlib's style, and shorten numbers."""
    for parent in list(root.iter()):
        for child in list(parent):
            tag = child.tag if isinstance(child.tag, str) else ""
            if not tag or tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = None if element.tag not in ("text", "tspan") else element.text
        element.tail = None
        if _LINK in element.attrib:
            element.set("href", element.attrib.pop(_LINK))
        for attribute in ("d", "x", "y", "transform", "width", "height"):
            # The transform of an image is its scale: cut, it would leave the image's axes.
            if attribute in element.attrib and (element.tag, attribute) != ("image", "transform"):
                element.set(attribute, " ".join(_NUMBER.sub(r"\1", element.get(attribute, "")).split()))


def _keep_colours_on_image(axes: Element) -> None:
    """Mark what is drawn on an image: its colours were chosen for the image's, which does not change."""
    if not any(element.tag == "image" for element in axes.iter()):
        return
    top = min((y for child in axes for y in _heights(child) if child.get("id", "").startswith("patch_")), default=0.0)
    for child in axes:
        kind = child.get("id", "").partition("_")[0]
        beside = kind in ("patch", "matplotlib.axis") or (kind == "text" and min(_heights(child), default=top) < top)
        if not beside:
            for element in child.iter():
                element.set("data-fixed", "")


def _heights(group: Element) -> Iterator[float]:
    for element in group.iter():
        numbers = re.findall(r"-?\d+(?:\.\d+)?", element.get("d", "") or element.get("transform", ""))
        if element.tag == "text" and "y" in element.attrib:
            yield float(element.get("y", "0"))
        elif element.tag == "text" and len(numbers) >= 2:
            yield float(numbers[-1])
        elif element.tag == "path":
            yield from map(float, numbers[1::2])


def _drop_backgrounds(root: Element) -> None:
    """Drop the white behind the figure and behind its axes."""
    for group in root.iter("g"):
        if group.get("id", "").startswith(("figure_", "axes_", "legend_")):
            first = next((child for child in group if child.get("id", "").startswith("patch_")), None)
            path = first[0] if first is not None and len(first) else None
            if first is not None and path is not None and path.get("style", "").startswith("fill: #ffffff"):
                group.remove(first)


def _rename(element: Element, name: str, marks: Mapping[int, str]) -> None:
    identity = element.attrib.pop("id", "")
    level, trial = _LEVEL.fullmatch(identity), _TRIAL.fullmatch(identity)
    if trial is not None:
        element.set("data-of", f"t{trial[1]}")
    elif level is not None:
        if int(level[1]) in marks:
            element.set("data-of", marks[int(level[1])])
    elif identity and element.tag != "g":
        element.set("id", f"{name}-{identity}")
    if "href" in element.attrib and element.get("href", "").startswith("#"):
        element.set("href", f"#{name}-{element.get('href', '')[1:]}")
    for attribute in ("style", "clip-path", "fill"):
        if attribute in element.attrib:
            element.set(attribute, _REFERENCE.sub(rf"url(#{name}-\1)", element.get(attribute, "")))


def _recolour(element: Element) -> None:
    """Give an element the page's colours; what it does not set is drawn in the text's colour."""
    if "data-fixed" in element.attrib:
        del element.attrib["data-fixed"]
        if element.tag == "text" and "fill:" not in element.get("style", ""):
            element.set("style", f"{_without_font(element.get('style', ''))}; fill: #000")
        else:
            element.set("style", _without_font(element.get("style", "")))
        return
    style = _without_font(element.get("style", ""))
    if "fill" in element.attrib:
        element.set("fill", _COLOUR.sub(lambda found: _COLOURS[found[0]], element.get("fill", "")))
    if style:
        element.set("style", _COLOUR.sub(lambda found: _COLOURS[found[0]], style))
    elif "style" in element.attrib:
        del element.attrib["style"]


def _without_font(style: str) -> str:
    return re.sub(r"font-family: [^;]*;? ?", "", style).strip("; ")
