"""The report's page without a browser: what it is made of, and what it may not contain."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.report.page import curves as page_curves_module
from analysis.report.page.curves import few_digits, page_curves
from analysis.report.page.page import _json
from analysis.report.page.svg import inline_svg
from analysis.report.report import _figure_bytes, write_report
from tests.tune_jobs.trainers import Own

STUDY = """\
title: Names
base: {dataset: digits, hidden_units: 4, epochs: 3}
tables:
  - title: Odd labels
    name: odd
    label: Level
    levels:
      - {label: '</script><img src=http://x onerror=alert(1)>', set: {hidden_units: 4}}
      - {label: '日本 עברית 🙂 & "q" \\ %_', set: {hidden_units: 8}}
  - {title: Units, factor: hidden_units, levels: [4, 16]}
"""
TRAINER = """
def train(trial, *, shift: int = 0):
    for epoch in trial.epochs():
        trial.report(validation_accuracy=90 + shift, f1=0.5 + 0.1 * shift, validation_loss=1)
"""
REPORTED = """
seeds: 2
base: {trainer: 'outs:train', epochs: 2}
metrics: {validation_accuracy: {goal: max, unit: "%"}, f1: {goal: max, label: F1}, validation_loss: min}
metric: validation_accuracy
tables:
  - {factor: shift, levels: [0, 1], figures: [curves]}
"""
# What makes a browser fetch.
FETCHED = ("src", "data", "poster", "srcset", "action")


class Elements(HTMLParser):
    """Collect the elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html(run: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a page."""
    ran = run(STUDY)
    return write_report(ran.standing, tmp_path_factory.mktemp("page")).html.read_text()


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_is_one_file_that_fetches_nothing(html: str) -> None:
    elements = Elements(html).found
    assert not [(tag, attributes) for tag, attributes in elements if set(attributes) & set(FETCHED)]
    links = [attributes["href"] or "" for _, attributes in elements if "href" in attributes]
    assert links
    assert all(link.startswith(("#", "data:image/")) for link in links)
    assert not re.search(r"@import|url\((?!#)", html.partition("<script")[0])
    assert "default-src 'none'" in html


def test_names_are_text_wherever_they_stand(html: str) -> None:
    assert "<img" not in html
    labels = [row["label"] for row in data_of(html)["tables"]["odd"]["rows"]]
    assert labels[0].startswith("</script><img src=http://x onerror=alert(1)>")
    assert labels[1] == '日本 עברית 🙂 & "q" \\ %_'


def test_equal_levels_have_one_name_in_tables_and_figures(html: str) -> None:
    tables = data_of(html)["tables"]
    assert tables["odd"]["rows"][0]["of"] == tables["hidden_units"]["rows"][0]["of"]
    names = {row["of"] for table in tables.values() for row in table["rows"]}
    assert len(names) == 3
    marked = {
        attributes["data-of"] for tag, attributes in Elements(html).found if tag == "tr" and "data-of" in attributes
    }
    assert marked == names


def test_all_metrics_that_a_training_function_reports_have_curves(tmp_path: Path) -> None:
    own = Own(tmp_path)
    own.module(outs=TRAINER)
    html = write_report(own.run(own.study(REPORTED)), tmp_path / "report").html.read_text()
    data = data_of(html)
    panels = data["charts"]["shift"]["panels"]
    assert [panel["label"] for panel in panels] == ["Validation Accuracy (%)", "F1", "Validation Loss"]
    key = data["tables"]["shift"]["rows"][1]["replicates"][0][1]
    assert data["curves"][key][panels[1]["q"]] == [0.6, 0.6]


def test_a_replicate_has_its_curve_its_settings_and_its_commands(html: str) -> None:
    data = data_of(html)
    row = data["tables"]["odd"]["rows"][1]
    assert [replicate[0] for replicate in row["replicates"]] == [0, 1, 2]
    key = row["replicates"][0][1]
    curve = data["curves"][key]
    assert len(curve["validation_metric"]) == len(data["grids"][curve["#"]]) == 3
    assert row["set"] == [["Hidden Layer Size", "8"]]
    assert "KEY" in data["commands"]["remove"]
    assert data["commands"]["run"].startswith("ablatune run ")


def test_figures_have_the_colours_of_the_page_and_ids_of_their_own() -> None:
    figure = Figure(figsize=(3, 2))
    ax = figure.subplots()
    line = ax.plot([1, 2], [1, 2], color="#0072B2", label="<b>&")[0]
    line.set_gid("level-7")
    ax.axhline(1.5, color="black")
    ax.legend()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        drawn = _figure_bytes(figure, "svg")
    first, second = (inline_svg(drawn, name, "A & <b>", {7: "l3"}) for name in ("f0", "f1"))
    ids = re.findall(r' id="([^"]+)"', first + second)
    assert ids
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:url\(|href=")#([^")]+)', first)
    assert used
    assert set(used) <= set(ids)
    assert 'data-of="l3"' in first
    assert "var(--level-0)" in first
    assert "var(--ink)" in first
    assert "#ffffff" not in first
    assert "http" not in first
    assert 'aria-label="A &amp; &lt;b&gt;"' in first
    assert "&lt;b&gt;&amp;" in first, "text stays text"


@settings(deadline=None)
@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_data_end_no_script_and_come_back_as_they_were(value: Any) -> None:
    text = _json({"value": value})
    assert "<" not in text
    assert json.loads(text) == {"value": value}


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 6))
def test_thinned_curves_keep_their_ends_and_order(epochs: int, trials: int) -> None:
    frame = pd.DataFrame(
        {
            "position": np.repeat(np.arange(trials), epochs),
            "seed": 0,
            "key": np.repeat([f"k{number}" for number in range(trials)], epochs),
            "epoch": np.tile(np.arange(1, epochs + 1), trials),
            "validation_metric": np.arange(float(trials * epochs)),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_curves_module, "MOST_NUMBERS", 200)
        found = page_curves(frame, ["validation_metric", "not there"])
    assert list(found.of_key) == [f"k{number}" for number in range(trials)]
    assert sum(len(curve["validation_metric"]) for curve in found.of_key.values()) <= max(200, 8 * trials)
    for number, curve in enumerate(found.of_key.values()):
        grid = found.grids[curve["#"]]
        assert (grid[0], grid[-1]) == (1, epochs)
        assert list(grid) == sorted(set(grid))
        assert curve["validation_metric"][0] == number * epochs


def test_numbers_that_json_lacks_are_left_out() -> None:
    assert few_digits([1.234567, float("nan"), float("inf"), 1e-7]) == [1.2346, None, None, 1e-07]
