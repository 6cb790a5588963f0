"""Looks at the tables of a study that adds seeds until its levels are decided."""

from typing import Any

import pytest

from analysis.tables.columns import columns
from analysis.tables.looks import after_look
from tune_jobs.errors import UserError
from tune_jobs.ledger.looks import Looks, read_looks, write_looks
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Until decided
until_decided: [5, 10]
margin: 2
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {factor: hidden_units, levels: [4, 8, 16, 32]}
  - label: Reading
    name: readings
    levels:
      - {label: last epoch, set: {hidden_units: 8}}
      - {label: best epoch, set: {hidden_units: 16}, read: best}
final: {hidden_units: 4}
"""
# Worse, the default, open at 5 seeds, and equal.
LAST = {4: 80.0, 8: 90.0, 16: 91.0, 32: 90.0}
NOISE = {4: 0.2, 8: 0.1, 16: 2.5, 32: 0.2}


@pytest.fixture(scope="module")
def looked(run: Any, fate: Any) -> Any:
    """Return a study that has its first five seeds, and what the look at them settled."""

    def fates(config: TrialConfig) -> Any:
        units = config.hidden_units
        return fate(last=LAST[units] + NOISE[units] * ((config.seed * (units + 5)) % 5 - 2))

    ran = run(STUDY, seeds=10, fates=fates)
    return ran, after_look(ran.standing)


def test_each_row_has_the_seeds_of_the_first_look(looked: Any) -> None:
    ran, _ = looked
    assert {len(replicates) for replicates in ran.standing.replicates} == {5}


def test_a_look_settles_what_is_shown_equal_or_not_compared(looked: Any) -> None:
    _, looks = looked
    assert looks == Looks((5, 10), (5,), {"hidden_units/4": 5, "hidden_units/32": 5, "readings/best epoch": 5})


def test_only_open_rows_and_their_default_get_more_seeds(looked: Any) -> None:
    ran, looks = looked
    write_looks(ran.ledger.storage, ran.study.name, "as-it-stands", looks)
    assert read_looks(ran.ledger.storage, ran.study.name, "as-it-stands") == looks
    standing = ran.standing
    counts = {(row.table, row.labels[0]): len(standing.of(row)) for row in standing.rows}
    assert counts == {
        ("hidden_units", "4"): 5,
        ("hidden_units", "8"): 10,
        ("hidden_units", "16"): 10,
        ("hidden_units", "32"): 5,
        ("readings", "last epoch"): 5,
        ("readings", "best epoch"): 5,
        ("final", "Final configuration"): 10,
    }


def test_the_table_says_at_which_looks_it_was_judged(looked: Any) -> None:
    ran, _ = looked
    evidence = ran.evidence
    from analysis.report.outline import sections_of

    view = next(section.view for section in sections_of(evidence, None) if section.name == "hidden_units")
    assert any("Seeds are added until a level is decided" in words for words in view.caption)
    shown = {column.heading: column.cells for column in columns(view)}["Difference from * (paired)"]
    assert [cell.rpartition(", ")[2] for cell in shown] == ["worse", "", "no clear difference", "practically equal"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("until_decided: [5, 5]", "are not numbers of seeds that rise from at least 2"),
        ("until_decided: [1, 5]", "are not numbers of seeds that rise from at least 2"),
        ("until_decided: true\nseeds: 3", "does not go with `seeds`"),
        ("claims: population", "claims: population does not go with splits: fixed; give split, or leave it out"),
        ("margin: 0", "is not above 0"),
    ],
)
def test_what_cannot_be_judged_with_is_refused(run: Any, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        run(f"{text}\nbase: {{dataset: digits, epochs: 2}}\ntables:\n  - {{factor: hidden_units, levels: [4, 8]}}\n")
