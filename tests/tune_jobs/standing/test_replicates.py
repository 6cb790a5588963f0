"""Replicates: their keys, their records, and the distinct trials that they read."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing import replicates as module
from tune_jobs.standing.replicates import RowReader
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand

FINGERPRINTS = {"digits": "data"}


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load_study(str(path))


class Counting:
    """A ledger that notes which keys it was asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asked: list[set[str]] = []

    def read(self, *, keys: Collection[str]) -> Contents:
        self.asked.append(set(keys))
        return self._ledger.read(keys=keys)


def test_each_key_is_computed_once(tiny_study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[Any, int]] = []
    row_trial = module.row_trial

    def counted(row: Any, seed: int, fingerprints: Any) -> Any:
        computed.append((row, seed))
        return row_trial(row, seed, fingerprints)

    monkeypatch.setattr(module, "row_trial", counted)
    rows = expand(load_study(str(tiny_study)))
    reader = RowReader(None, range(2), FINGERPRINTS)
    for _ in range(3):
        reader.trials(rows)
        reader.read(rows)
    assert len(computed) == len(set(computed)) == 2 * len(rows)


def test_each_record_is_read_once(
    tiny_study: Path, ledger: Ledger, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    rows = expand(load_study(str(tiny_study)))
    first, *others = RowReader(None, range(2), FINGERPRINTS).trials(rows)
    ledger.write(make_record(key=first.key))
    counting: Any = Counting(ledger)
    reader = RowReader(counting, range(2), FINGERPRINTS)
    assert set(reader.read(rows[:1]).records) <= {first.key}
    assert set(reader.read(rows).records) == {first.key}
    assert set(reader.read(rows).records) == {first.key}
    assert set.union(*counting.asked) == {first.key, *(trial.key for trial in others)}
    assert sum(map(len, counting.asked)) == len(set.union(*counting.asked))


def test_an_empty_ledger_has_no_records(tiny_study: Path) -> None:
    rows = expand(load_study(str(tiny_study)))
    assert RowReader(None, range(2), FINGERPRINTS).read(rows) == Contents({})


def test_a_row_that_cannot_be_built_has_no_replicates(tmp_path: Path) -> None:
    text = """
base: {network: cnn, padding: 0, pooling: false}
tables: [{cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}}]
"""
    reader = RowReader(None, range(2), FINGERPRINTS)
    counts = {row.config is None: len(reader.replicates(row)) for row in expand(study(tmp_path, text))}
    assert counts == {True: 0, False: 2}


def test_rows_that_differ_in_epochs_alone_are_one_trial(tiny_study: Path) -> None:
    trials = RowReader(None, range(2), {"digits": "x"}).trials(expand(load_study(str(tiny_study))))
    assert len(trials) == 2 * 2
    assert sorted((t.epochs, t.measure_at) for t in trials if t.config.hidden_units == 8) == [(3, {1, 2, 3})] * 2


def test_epochs_are_trials_of_their_own_under_cosine(tmp_path: Path) -> None:
    text = "base: {schedule: cosine, epochs: 2}\ntables: [{factor: epochs, levels: [1, 2, 3]}]"
    assert len(RowReader(None, [0], {"digits": "x"}).trials(expand(study(tmp_path, text)))) == 3


@pytest.mark.parametrize(
    ("levels", "patience", "stops"), [("[0, 2, 5]", 0, {2, 5}), ("[2, 5]", 5, {2}), ("[3]", 3, set())]
)
def test_rows_that_differ_in_early_stopping_alone_are_one_trial(
    tmp_path: Path, levels: str, patience: int, stops: set[int]
) -> None:
    text = f"tables: [{{name: t, cross: {{early_stopping_patience: {levels}}}}}]"
    (trial,) = RowReader(None, [0], {"digits": "x"}).trials(expand(study(tmp_path, text)))
    assert trial.config.early_stopping_patience == patience
    assert trial.stops == stops
