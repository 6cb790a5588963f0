"""The report on a terminal: aligned at any width, and nothing written."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from analysis.report.terminal import print_report
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Widths and rates
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""
SEARCH = """\
title: A search
base: {dataset: digits, hidden_units: 8, epochs: 4}
search: {budget: {trials: 6}, space: {hidden_units: [4, 8, 16], dropout: {low: 0.0, high: 0.5}}, audit: 0}
"""


@pytest.fixture(scope="module")
def ran(run: Any, fate: Any) -> Any:
    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (5 + config.hidden_units)) % 5 * 0.6
        return fate(last=90.0 - 12.0 * (config.hidden_units == 4) + noise)

    return run(STUDY, seeds=5, fates=fates)


def printed(ran: Any, width: int, **options: Any) -> list[str]:
    stream = io.StringIO()
    print_report(ran.evidence, Console(file=stream, width=width, highlight=False, **options))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_findings_and_tables_fit_the_width(ran: Any, width: int) -> None:
    lines = printed(ran, width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "- Hidden layer size matters most: 4 costs 1" in text
    assert "Verdict" in text
    (worse,) = [line for line in lines if line.startswith("4 ") and "worse" in line]
    assert "−1" in worse
    assert " ± " in worse
    assert ("left out at this width: " in text) == (width < 120)
    assert ("Validation Accuracy (%)" in text) or width > 40


def test_numbers_are_aligned_and_the_least_important_columns_go_first(ran: Any) -> None:
    lines = printed(ran, 80)
    table = lines[lines.index("Width") + 1 :]
    cells = [line for line in table[:10] if line[:2] in ("4 ", "8*", "16")]
    assert len({line.index("±") for line in cells}) == 1
    left = next(line for line in table if line.startswith("left out"))
    assert "Train Time (s)" in left
    assert "Validation" not in left


def test_colours_are_for_terminals_alone(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31m" in "".join(printed(ran, 80, force_terminal=True))
    assert "\x1b" not in "".join(printed(ran, 80))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in "".join(printed(ran, 80, force_terminal=True))


def test_a_search_shows_its_best_trials_with_their_metric(run_search: Any, fate: Any) -> None:
    ran = run_search(SEARCH, fates=lambda config: fate(last=80.0 + config.hidden_units))
    lines = printed(ran, 80)
    text = " ".join(lines)
    assert max(map(len, lines)) <= 80
    assert "The best trials" in lines
    assert "Hidden Layer Size 16" in text
    assert "96.00" in text


def test_nothing_is_broken_within_a_word_and_nothing_is_lost_at_20_columns(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate(last=90.0 - 12.0 * (config.hidden_units == 4) + config.seed * (0.1 + config.hidden_units / 100))

    ran = run(STUDY.replace("title: Width,", "title: 隐藏层的宽度决定准确率 (Width),"), seeds=5, fates=fates)
    whole = set("\n".join(printed(ran, 400)).split())
    for width in (20, 24, 30, 40):
        lines = printed(ran, width)
        assert max(map(cell_len, lines)) <= width
        known = {word for word in whole if cell_len(word) <= width - 2} | {
            "Difference:",
            "Verdict:",
            "left",
            "out",
            "at",
        }
        broken = {word for line in lines for word in line.split() if word.isascii() and word.isalpha()} - known
        assert broken <= {"this", "width"}
        text = " ".join(" ".join(lines).split())
        assert "−1" in text
        assert "worse" in text


def test_a_verdict_is_whole_whatever_stands_before_it(run: Any, fate: Any) -> None:
    ran = run(STUDY, seeds=5, fates=lambda config: fate(last=90.0 + config.seed, one_class=config.hidden_units == 4))
    lines = printed(ran, 200)
    (row,) = [line for line in lines if line.startswith("4 ")]
    assert "collapsed 5 of 5 against 0 of 5  worse" in " ".join(row.split("   ")).replace("   ", "  ")


def test_a_long_reason_is_cut_after_a_word(run: Any, fate: Any) -> None:
    reason = "the layer, as it was given, cannot be built, because a width of 4 is too small"
    failed = fate(outcome="failed", reason=reason, epochs=1)
    ran = run(STUDY, seeds=2, fates=lambda config: failed if config.hidden_units == 4 else fate(last=90.0))
    lines = printed(ran, 200)
    assert "- Not as planned: Width, 4: failed, seeds 0, 1: the layer, as it was given, cannot be…" in lines
    assert reason in "\n".join(lines), "the table has the whole of it"
