"""Trials of a ledger, shown, listed, exported, removed and merged by the command line."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.tune_jobs.commands.test_cli import fails
from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage

Make = Callable[..., Record]


@pytest.fixture
def stored(ledger: Ledger, make_record: Make) -> list[Record]:
    records = [make_record(seed=seed) for seed in range(3)]
    records[2] = make_record(seed=2, epochs=0, measured=(), outcome="failed", reason="it broke", traceback="Trace…")
    for record in records:
        ledger.write(record)
    return records


def test_show_prints_what_is_known_of_a_trial(
    capsys: pytest.CaptureFixture[str], ledger: Ledger, stored: list[Record]
) -> None:
    assert main(["show", stored[0].key[:8], "--storage", ledger.storage.uri]) == 0
    out = capsys.readouterr().out
    assert f"trial {stored[0].key}: completed after 3 epochs" in out
    assert "learning_rate: 0.001" in out
    assert "measured after epoch 3" in out
    assert main(["show", stored[2].key, "--storage", ledger.storage.uri]) == 0
    assert "reason: it broke" in capsys.readouterr().out


def test_show_needs_one_trial(capsys: pytest.CaptureFixture[str], ledger: Ledger, stored: list[Record]) -> None:
    assert "give at least 4" in fails(capsys, "show", "a", "--storage", ledger.storage.uri)
    assert "there is no trial" in fails(capsys, "show", "zzzz", "--storage", ledger.storage.uri)


def test_ledger_list_and_export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, ledger: Ledger, stored: list[Record]
) -> None:
    assert main(["ledger", "list", "--storage", ledger.storage.uri]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    for name in ("all.parquet", "all.csv"):
        assert main(["ledger", "export", str(tmp_path / name), "--storage", ledger.storage.uri]) == 0
    table = pq.read_table(tmp_path / "all.parquet").to_pandas()
    assert set(table["key"]) == {record.key for record in stored}
    frame = pd.read_csv(tmp_path / "all.csv")
    assert len(frame) == 3 + 3 + 1
    first = frame[(frame["key"] == stored[0].key) & (frame["epoch"] == 3)].iloc[0]
    assert first["validation_loss"] == pytest.approx(stored[0].validation_loss[2])
    assert first["measured_train_metric"] == 3


def test_ledger_remove_asks_first(
    capsys: pytest.CaptureFixture[str], ledger: Ledger, stored: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    line = fails(capsys, "ledger", "remove", stored[0].key, "--storage", ledger.storage.uri)
    assert "--yes" in line
    assert len(ledger.read().records) == 3
    assert main(["ledger", "remove", stored[0].key, "--yes", "--storage", ledger.storage.uri]) == 0
    assert set(ledger.read().records) == {stored[1].key, stored[2].key}


def test_ledger_merge(capsys: pytest.CaptureFixture[str], tmp_path: Path, ledger: Ledger, stored: list[Record]) -> None:
    assert main(["ledger", "merge", ledger.storage.uri, "--storage", str(tmp_path / "mine")]) == 0
    assert "3 records added" in capsys.readouterr().out
    assert len(Ledger.open(Storage.at(str(tmp_path / "mine"))).read().records) == 3
