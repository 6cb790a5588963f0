"""A log that cannot be written is given up with a line, and never holds training up."""

import errno
from pathlib import Path

import pytest

from models.history import History
from tune_jobs.storage.storage import Storage
from tune_jobs.training.tensorboard import TrialLog


def history(epochs: int) -> History:
    made = History(0)
    for name in ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate"):
        setattr(made, name, [0.5] * epochs)
    made.train_seconds = [1.0] * epochs
    return made


def test_a_disk_that_fills_up_ends_the_log_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with TrialLog(Storage.at(str(tmp_path)), "study/run") as log:
        log.epoch(history(1))
        monkeypatch.setattr("tensorboardX.event_file_writer.EventsWriter.write_event", full)
        for epochs in range(2, 60):
            log.epoch(history(epochs))
        log.summarise({"dataset": "digits"}, history(60))
    assert caplog.messages == [
        "the TensorBoard log of a trial cannot be written: no space is left on its disk; make room there"
    ]


def test_a_folder_that_cannot_be_made_is_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "tensorboard").write_text("a file")
    with TrialLog(Storage.at(str(tmp_path)), "study/run") as log:
        log.epoch(history(3))
    (line,) = caplog.messages
    assert line.startswith("the TensorBoard log of a trial cannot be written: ")
