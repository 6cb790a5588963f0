"""The page in a browser: it shows the study and its report, follows what happens, and fails nowhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browsing, needs_browser
from tests.tune_jobs.view.conftest import Page
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import Beacon, now, write_beacon

pytestmark = needs_browser


@pytest.fixture
def browser(page: Page, tmp_path: Path) -> Iterator[Any]:
    with browsing(tmp_path / "profile") as driver:
        driver.set_script_timeout(60)
        driver.get(page.address)
        yield driver


def until(browser: Any, condition: str) -> Any:
    """Wait until an expression of the page is true; return its value."""
    return browser.execute_async_script(
        f"const done = arguments[0]; (function look() {{ const found = {condition}; "
        "if (found) done(found); else setTimeout(look, 100); })();"
    )


def says(text: str) -> str:
    """Return an expression that is true once the first study says so."""
    return f"(document.querySelector('.study')?.textContent || '').includes({text!r})"


def test_the_page_follows_a_run_and_shows_the_report(browser: Any, filled: tuple[Path, Ledger]) -> None:
    assert until(browser, says("11 of 12 trials have ended, 1 failed"))
    assert browser.execute_script("return document.querySelector('h2').textContent") == "Widths & <b>rates</b>"
    assert until(browser, "document.querySelector('iframe').contentDocument?.querySelector('h1')?.textContent")
    curve = {"k": [(1, 10.0), (2, 40.0), (3, 50.0)]}
    write_beacon(
        filled[1].storage, Beacon("run", "widths", "here", 1, now(), {"k": 3}, curve, share=0.5, seconds_left=90.0)
    )
    assert until(browser, says("1 in training"))
    assert until(browser, "document.querySelector('.training svg path') && true")
    assert browser.execute_script("return document.querySelector('progress').value") == 0.5
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def test_a_study_file_that_is_broken_meanwhile_is_one_line(browser: Any, filled: tuple[Path, Ledger]) -> None:
    path, _ = filled
    assert until(browser, says("11 of 12 trials have ended"))
    valid = path.read_text()
    path.write_text("title: [")
    assert until(browser, says("the study is shown as it was before this edit"))
    assert until(browser, says("11 of 12 trials have ended"))
    path.write_text(f"{valid}# edited\n")
    assert until(browser, says("widths.yaml changed at"))
    assert browser.execute_script("return document.querySelector('.fault').hidden")
