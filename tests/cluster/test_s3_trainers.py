"""A training function's trials on S3: what they leave behind can be deleted."""

import tempfile
from pathlib import Path

import pytest

from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.commands.cli import main
from tune_jobs.ledger.kept_files import folders_place
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage


class OnS3(Own):
    """A study whose ledger is on S3."""

    storage: Storage

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(self.storage, create=True)


def test_checkpoints_on_s3_and_folders_on_this_machine_are_deleted(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = OnS3(tmp_path / "study")
    own.storage = storage
    own.folder.mkdir()
    own.module(climb=CLIMB)
    own.run(own.study(f"title: Own\nseeds: 2\n{BASE}{METRICS}final: {{width: 4}}\n"))
    place = folders_place(storage)
    (place / "of-another-storage").mkdir()
    assert len(list(place.iterdir())) == 3
    assert len(storage.names("checkpoints")) == 2
    before = {key: dict(record.reported) for key, record in own.ledger.read().records.items()}

    prune = ["ledger", "prune", "--yes", "--storage", storage.uri]
    assert main(prune) == 0
    assert "to delete: 2 checkpoints of 2 trials, " in capsys.readouterr().out
    assert storage.names("checkpoints") == {}
    assert len(list(place.iterdir())) == 3
    assert main([*prune, "--folders", "--unfinished"]) == 0
    said = capsys.readouterr().out
    assert f"folders: those on this machine, in {place}; every other node has its own" in said
    assert "to delete: 2 folders of 2 trials, " in said
    assert [path.name for path in place.iterdir()] == ["of-another-storage"]
    assert {key: dict(record.reported) for key, record in own.ledger.read().records.items()} == before
