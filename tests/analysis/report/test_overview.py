"""The first screen: its figures with their numbers, and what all tables share."""

from typing import Any

import pytest

from analysis.report.findings import views_of
from analysis.report.outline import sections_of
from analysis.report.overview import overview_of, without_shared
from analysis.tables.captions import Said, shared_sentences
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""


@pytest.fixture(scope="module")
def ran(run: Any, fate: Any) -> Any:
    def fates(config: TrialConfig) -> Any:
        return fate(last=90.0 - 8.0 * (config.hidden_units == 4) + (config.seed * (5 + config.hidden_units)) % 5 * 0.6)

    return run(STUDY, seeds=6, fates=fates)


def test_every_difference_is_in_the_figure_and_in_its_file(ran: Any) -> None:
    section = overview_of(views_of(ran.evidence), ran.evidence)
    assert section is not None
    assert [picture.name for picture in section.pictures] == ["overview", "tradeoff"]
    frame = section.frames["differences"]
    assert sorted(frame["level"]) == ["0.1", "16", "4"]
    assert frame["level"].iloc[-1] == "0.1" or frame["factor"].iloc[0].startswith("Hidden layer size (default 8)")
    assert (frame["low"] <= frame["difference"]).all()
    points = section.frames["time-quality"]
    assert points["is_default"].sum() == 1
    assert points["on_front"].any()


def test_without_anything_to_compare_there_is_no_first_figure(run: Any) -> None:
    ran = run("base: {dataset: digits, epochs: 2}\nfinal: {hidden_units: 4}\n", seeds=2)
    assert overview_of(views_of(ran.evidence), ran.evidence) is None


def test_what_tables_share_is_said_once(ran: Any) -> None:
    sections = sections_of(ran.evidence, None)
    (paragraph,), short = without_shared(sections)
    assert paragraph.startswith("All tables: Data: Digits")
    assert paragraph.count("Holm's correction") == 1
    for section in short:
        assert section.view is not None
        assert not any(sentence in paragraph for sentence in section.view.caption)
        assert not any("Data:" in sentence for sentence in section.view.caption)


def test_each_table_names_its_base_and_the_command_that_runs_it(ran: Any) -> None:
    for section in sections_of(ran.evidence, None):
        assert section.base.startswith("Default (")
        assert "hidden layer size 8" in section.base
        assert section.command.startswith("ablatune run ")


def test_a_sentence_is_shared_where_most_tables_say_it() -> None:
    data = Said("data", "Data: A.")
    captions = [[data, Said("", "own")], [data], [Said("data", "Data: B.")]]
    assert shared_sentences(captions) == [data]
    assert shared_sentences(captions[:1]) == []
    assert shared_sentences([[data], [Said("data", "Data: B.")]]) == []
