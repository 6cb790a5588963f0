"""What the files of Weights & Biases hold in offline mode."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tune_jobs.ledger.record import Record
from tune_jobs.trackers.tracked_run import TrackedRun

pytest.importorskip("wandb", reason="the extra wandb is not installed")


def contents(log: bytes) -> Iterator[bytes]:
    """Yield the records of a log in LevelDB's format, after a header of seven bytes; the client has no reader."""
    place, parts = 7, b""
    while place + 7 <= len(log):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        size, kind = struct.unpack("<HB", log[place + 4 : place + 7])
        parts += log[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def test_offline_files_hold_the_configuration_and_each_epoch(
    tmp_path: Path, make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", "MARKED-4711" + "a" * 29)
    from tune_jobs.trackers.wandb_client import WandbRuns

    record = make_record(seed=0, epochs=3)
    runs = WandbRuns("team/project", "study", offline=True)
    runs.send(TrackedRun("study", {"width": ["4"]}, record))
    runs.close()

    from wandb.proto import wandb_internal_pb2

    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    started, epochs = None, []
    for content in contents(path.read_bytes()):
        entry = wandb_internal_pb2.Record()
        entry.ParseFromString(content)
        if entry.WhichOneof("record_type") == "run" and started is None:
            started = entry.run
        if entry.WhichOneof("record_type") == "history":
            items = entry.history.item
            epochs.append({item.key or item.nested_key[0]: json.loads(item.value_json) for item in items})
    assert started is not None
    assert (started.project, started.run_group, started.display_name) == (
        "project",
        "study/width/4",
        "width: 4, seed 0",
    )
    config = {item.key: json.loads(item.value_json) for item in started.config.update}
    assert config["dataset"] == "digits"
    assert config["trial"]["key"] == record.key
    assert [epoch["validation_accuracy"] for epoch in epochs] == list(record.validation_metric)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"MARKED-4711" in path.read_bytes()]
