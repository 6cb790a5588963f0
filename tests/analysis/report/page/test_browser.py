"""The report's page in a browser: nothing fails, nothing is fetched, and tables and figures react."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.report.report import write_report
from tests.browser import browsing, needs_browser
from tune_jobs.trial.config import TrialConfig

pytestmark = needs_browser
STUDY = """\
title: A page & its <b>parts</b>
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - title: Learning rate
    factor: learning_rate
    levels: [0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
    figures: [curves, losses]
  - title: Odd labels
    name: odd
    label: Level & more
    levels:
      - {label: '<script>document.title = "bad"</script>', set: {hidden_units: 4}}
      - {label: default, set: {hidden_units: 8}}
search:
  budget: {trials: 8}
  sampler: random
  scheduler: asha
  grace_epochs: 1
  space:
    learning_rate: {low: 0.0001, high: 0.1, scale: log}
    activation: [relu, tanh]
"""


# Bring a figure into view, and wait until something of it is drawn and seen.
DRAWN = """\
const [number, done] = arguments, figure = document.querySelectorAll("figure")[number], end = Date.now() + 10000;
figure.scrollIntoView();
(function look() {
  const seen = [...figure.querySelectorAll("svg:not(.key)")].filter((one) => one.getBoundingClientRect().width);
  const drawn = seen.some((one) => one.querySelectorAll("path, use, circle").length > 5);
  if (drawn || Date.now() > end) done(drawn);
  else setTimeout(look, 50);
})();
"""


@pytest.fixture(scope="module")
def page(run_search: Any, fate: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a study with tables and a search."""

    def fates(config: TrialConfig) -> Any:
        return fate(last=90 + 20 * config.learning_rate + (config.activation == "tanh") + 0.1 * config.seed)

    ran = run_search(STUDY, fates=fates, follow=False)
    return write_report(ran.standing, tmp_path_factory.mktemp("page")).html


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a browser that shows the page."""
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        driver.get(page.as_uri())
        yield driver


def script(browser: Any, text: str, *values: Any) -> Any:
    return browser.execute_script(text, *values)


def column(browser: Any, place: int) -> list[str]:
    """Return what a column of the first table shows, without hidden rows."""
    return script(
        browser,
        "return [...document.querySelectorAll('[data-table=learning_rate] tbody tr:not(.note)')]"
        ".filter((row) => !row.hidden).map((row) => row.cells[arguments[0]].textContent.trim())",
        place,
    )


def test_nothing_fails_and_nothing_is_fetched(browser: Any, page: Path) -> None:
    assert script(browser, "return document.documentElement.dataset.ready") == "true"
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in asked
    assert [url for url in asked if not url.startswith(("file:", "chrome:", "data:"))] == []
    assert browser.title == "A page & its <b>parts</b>", "a level's name is not run"
    assert (
        script(browser, "return document.querySelector('[data-table=odd] tbody th').textContent")
        .strip()
        .startswith("<script>")
    )


def test_every_figure_is_drawn(browser: Any) -> None:
    names = script(browser, "return [...document.querySelectorAll('figure')].map((one) => one.dataset.figure ?? 'all')")
    assert {"learning_rate", "learning_rate-losses", "odd", "search-progress", "all"} <= set(names)
    for number, name in enumerate(names):
        assert browser.execute_async_script(DRAWN, number), name
    ids = script(browser, "return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


def test_a_table_sorts_and_filters(browser: Any) -> None:
    heads = script(browser, "return [...document.querySelectorAll('[data-table=learning_rate] thead button')]")
    before = column(browser, 1)
    script(browser, "arguments[0].focus()", heads[1])
    browser.switch_to.active_element.send_keys("\ue007")
    assert column(browser, 1) == sorted(before)
    heads[1].click()
    assert column(browser, 1) == sorted(before, reverse=True)
    assert script(browser, "return arguments[0].parentElement.ariaSort", heads[1]) == "descending"
    field = script(browser, "return document.querySelector('#learning_rate ~ .tools input')")
    field.send_keys("0.05")
    assert column(browser, 0) == ["0.05"]
    field.clear()
    field.send_keys(" ")
    assert len(column(browser, 0)) == 8


def test_a_legend_hides_a_level_and_pointing_marks_it(browser: Any) -> None:
    entry = script(
        browser,
        "const figure = document.querySelector('[data-figure=odd]'); figure.scrollIntoView({block: 'center'});"
        "return figure.querySelector('.legend button')",
    )
    of = entry.get_attribute("data-of")
    lines = "return document.querySelectorAll('[data-figure=odd] .panels [data-of=' + arguments[0] + ']').length"
    assert script(browser, lines, of)
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    assert not script(browser, lines, of)
    entry.click()
    assert script(browser, lines, of)
    script(browser, "arguments[0].focus()", entry)
    row = script(browser, "return document.querySelector(`tr[data-of=${arguments[0]}] td`)", of)
    other = script(browser, "return document.querySelector(`tr[data-of]:not([data-of=${arguments[0]}]) td`)", of)
    assert row.value_of_css_property("background-color") != other.value_of_css_property("background-color")


def test_a_level_opens_its_replicates_and_their_commands(browser: Any) -> None:
    script(browser, "document.querySelector('[data-table=odd] tbody th button').click()")
    dialog = script(browser, "return document.querySelector('dialog')")
    assert dialog.get_attribute("open")
    assert dialog.text.startswith("Level & more: <script>")
    assert "ablatune ledger remove" in dialog.text
    seeds = script(browser, "return [...document.querySelectorAll('dialog tbody button')]")
    assert [seed.text for seed in seeds] == ["0", "1", "2"]
    seeds[2].click()
    assert "Seed 2" in dialog.text
    assert script(browser, "return document.querySelectorAll('dialog .panels path').length") >= 3
    browser.switch_to.active_element.send_keys("\ue00c")
    assert not dialog.get_attribute("open")


def test_trials_of_the_search_are_linked_with_their_lines(browser: Any) -> None:
    row = script(
        browser,
        "const row = document.querySelector('.data tbody tr'); row.scrollIntoView({block: 'center'});"
        "row.querySelector('button').focus(); return row",
    )
    of = row.get_attribute("data-of")
    line = "return document.querySelectorAll(`figure:not([data-figure]) path[data-of='${arguments[0]}']`).length"
    assert script(browser, line, of) == 1
    row.click()
    assert "rial " in script(browser, "return document.querySelector('dialog h2').textContent")
    script(browser, "document.querySelector('dialog .close').click()")


def test_the_first_screen_of_a_phone_has_what_was_found_what_to_use_the_cost_and_how_to_quote(browser: Any) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    ends = script(
        browser,
        "window.scrollTo(0, 0);"
        "return [...document.querySelectorAll('.answer:is(.found, .use, .cost, .quote)')]"
        ".map((answer) => [answer.getBoundingClientRect().top, answer.getBoundingClientRect().bottom])",
    )
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert len(ends) == 4
    assert all(0 < top < bottom <= size["height"] for top, bottom in ends)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_a_long_table_is_printed_with_its_heading_on_each_page(browser: Any, tmp_path: Path) -> None:
    script(
        browser,
        "const table = document.querySelector('[data-table=learning_rate]'), body = table.tBodies[0];"
        "table.querySelector('thead button').textContent = 'Heading of a long table';"
        "const rows = [...body.rows];"
        "for (let round = 0; round < 20; round += 1) body.append(...rows.map((row) => row.cloneNode(true)));",
    )
    (tmp_path / "page.pdf").write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"]))
    browser.refresh()
    command = ["pdftotext", "-layout", "page.pdf", "-"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    pages = [page for page in text.split("\f") if "0.0001" in page and "0.05" in page]
    assert len([page for page in pages if "Heading" in page]) >= 2
