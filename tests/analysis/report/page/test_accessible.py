"""The page without scripts: complete, and readable for those who hear it."""

import itertools
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from analysis.report.page.page import style
from analysis.report.report import write_report

STUDY = """\
title: A page to be heard
base: {dataset: digits, hidden_units: 4, epochs: 3}
tables:
  - {title: Units, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
final: {hidden_units: 8}
"""
_EMPTY = {"meta", "link", "br", "img", "input", "path", "use", "rect", "circle", "stop", "image", "hr"}


class Elements(HTMLParser):
    """The elements of a page in order, each with those that it lies in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.within: list[str] = []
        self.words: dict[int, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, tuple(self.within)))
        if tag not in _EMPTY:
            self.within.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, tuple(self.within)))

    def handle_endtag(self, tag: str) -> None:
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.found:
            self.words[len(self.found) - 1] = self.words.get(len(self.found) - 1, "") + data


def themes() -> dict[str, dict[str, str]]:
    """The page's colours by name, on a light and on a dark page."""
    text = style()
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text.partition("@media")[0]))
    dark = text.partition("(prefers-color-scheme: dark)")[2].partition("\n}\n")[0]
    return {"light": light, "dark": light | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks_for(theme: str) -> None:
    colours = themes()[theme]
    for text in ("ink", "soft", "warn", "accent"):
        for ground in ("paper", "tint", "point", "warn-tint"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for drawn in ("grey", *(f"level-{number}" for number in range(6))):
        assert contrast(colours[drawn], colours["paper"]) >= 3.0, drawn


@pytest.fixture(scope="module")
def html(run: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a page without its scripts."""
    page = write_report(run(STUDY).standing, tmp_path_factory.mktemp("page")).html.read_text()
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def elements(html: str) -> Elements:
    """Return the elements of the page."""
    return Elements(html)


def test_the_page_has_a_language_a_title_and_landmarks(elements: Elements) -> None:
    tags = [tag for tag, *_ in elements.found]
    assert elements.found[0][:2] == ("html", {"lang": "en"})
    assert [tags.count(tag) for tag in ("title", "h1", "main", "nav", "header")] == [1, 1, 1, 1, 1]
    nav = next(attributes for tag, attributes, _ in elements.found if tag == "nav")
    assert nav["aria-label"] == "Contents"


def test_headings_leave_no_level_out(elements: Elements) -> None:
    levels = [int(tag[1]) for tag, *_ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_heading_cell_says_what_it_heads(elements: Elements) -> None:
    cells = [attributes for tag, attributes, _ in elements.found if tag == "th"]
    assert {attributes.get("scope") for attributes in cells} == {"col", "row"}
    tables = [attributes for tag, attributes, _ in elements.found if tag == "table"]
    assert all(attributes.get("aria-labelledby") or attributes.get("aria-label") for attributes in tables)


def test_every_figure_has_a_text_alternative_and_a_caption(elements: Elements) -> None:
    figures = sum(tag == "figure" for tag, *_ in elements.found)
    drawn = [attributes for tag, attributes, _ in elements.found if tag == "svg" and "key" not in attributes["class"]]
    assert figures == len(drawn) == sum(tag == "figcaption" for tag, *_ in elements.found) > 0
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawn)
    labels = [attributes["aria-label"] for attributes in drawn]
    assert len(set(labels)) == len(labels), "no two figures have the same name"


def test_links_of_the_contents_lead_somewhere(elements: Elements) -> None:
    ids = {attributes["id"] for _, attributes, _ in elements.found if "id" in attributes}
    links = [attributes["href"] for tag, attributes, _ in elements.found if tag == "a"]
    assert links
    assert all(link.removeprefix("#") in ids for link in links)


def test_without_scripts_all_is_there(html: str, elements: Elements) -> None:
    assert not re.search(r"<[^>]*\b(hidden|aria-hidden=\"true\")[^>]*><(table|figure)", html)
    assert sum(tag == "table" for tag, *_ in elements.found) >= 3
    assert "Difference from" in html
    assert "no clear difference" in html or "practically equal" in html
