"""Markdown, LaTeX and CSV of a table; escaping of labels that each would take for its own."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.intervals import estimate
from analysis.tables.columns import table_sheet
from analysis.tables.rendering import RENDERERS, markdown_text, to_csv, to_markdown
from tune_jobs.trial.config import TrialConfig

ODD = "_a%b&c|d*e<f$g\\h"
STUDY = f"""\
title: Odd
base: {{dataset: digits, hidden_units: 8, epochs: 4}}
tables:
  - name: odd
    label: Level_name & more
    title: 100% of {{x}}
    levels:
      - {{label: '{ODD}', set: {{hidden_units: 4}}}}
      - {{label: '[x] ~^#', set: {{hidden_units: 8}}}}
      - {{label: last, set: {{hidden_units: 16}}}}
"""


def test_markdown_shows_odd_labels_as_they_are() -> None:
    assert markdown_text(ODD) == r"\_a%b\&c\|d\*e\<f\$g\\h"
    assert markdown_text("two\nlines") == "two lines"


@given(st.text())
def test_a_markdown_cell_has_no_bare_separator(text: str) -> None:
    escaped = markdown_text(text).replace("\\\\", "")
    assert escaped.count("|") == escaped.count("\\|")
    assert "\n" not in escaped


def test_a_markdown_table_has_one_line_for_each_level(run: Any) -> None:
    lines = to_markdown(table_sheet(run(STUDY).view("odd"))).splitlines()
    assert lines[0].startswith("| Level\\_name \\& more | Validation Accuracy (%) | Difference from")
    assert lines[1].startswith("| :--- | ---: |")
    assert lines[2].startswith(r"| \_a%b\&c\|d\*e\<f\$g\\h |")
    assert lines[3].startswith(r"| \[x\] \~^\#\* |")
    assert lines[5] == ""
    assert lines[6].startswith("Data: Digits")


def test_csv_has_the_numbers_of_the_frame(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("diverged", 2, "not finite") if config.hidden_units == 16 and config.seed == 1 else fate()

    ran = run(STUDY, fates=fates)
    first, default, last = csv.DictReader(io.StringIO(to_csv(ran.view("odd"))))
    assert first["Level_name & more"] == ODD
    for name in ("train_metric", "validation_metric", "train_loss", "validation_loss", "train_seconds"):
        expected = estimate(ran.trials[name][:3])
        assert float(first[f"{name}_mean"]) == expected.mean
        assert float(first[f"{name}_half_width"]) == expected.half_width
        assert first[f"{name}_n"] == "3"
    frame = ran.trials
    differences = [frame["validation_metric"][i] - frame["validation_metric"][i + 3] for i in range(3)]
    assert float(first["difference_mean"]) == pytest.approx(estimate(differences).mean)
    assert float(first["difference_holm_p_value"]) == pytest.approx(float(first["difference_p_value"]))
    assert (default["is_default"], default["difference_verdict"]) == ("True", "")
    assert (last["completed"], last["diverged"], last["replicates"]) == ("2", "1", "3")
    assert (last["validation_metric_mean"], last["validation_metric_n"]) == ("", "0")
    assert last["reason"] == "not finite"


def test_every_renderer_renders_everything(run: Any, fate: Any) -> None:
    assert RENDERERS
    for outcome in ("completed", "missing"):
        view = run(STUDY, fates=lambda config, o=outcome: fate(o)).view("odd")
        for render in RENDERERS.values():
            assert render(view).endswith("\n")
