"""A log that cannot be written is given up with a line, and never holds training up."""

import errno
from pathlib import Path

import pytest

from models.history import History
from tests.tune_jobs.training.events import events
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

    with TrialLog(Storage.at(str(tmp_path)), lambda: "study/run") as log:
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
    with TrialLog(Storage.at(str(tmp_path)), lambda: "study/run") as log:
        log.epoch(history(3))
    (line,) = caplog.messages
    assert line.startswith("the TensorBoard log of a trial cannot be written: ")


def steps_logged(folder: Path) -> list[int]:
    """Return the epochs of the one curve of the training loss in the one log, in order; none if there is no log."""
    return [
        event.step
        for event in (events(folder) if list(folder.rglob("events.out.*")) else [])
        for value in event.summary.value
        if value.tag == "loss/train"
    ]


@pytest.mark.parametrize(
    ("wanted", "seconds", "logged"),
    [("auto", 4.0, 3), ("auto", 1.0, 0), ("on", 1.0, 3), ("off", 4.0, 0)],
)
def test_a_trial_gets_a_log_if_it_is_wanted_or_trains_long_with_all_its_epochs(
    tmp_path: Path, wanted: str, seconds: float, logged: int
) -> None:
    with TrialLog(Storage.at(str(tmp_path)), lambda: "study/run", wanted=wanted) as log:
        for epochs in (1, 2, 3):
            whole = history(epochs)
            whole.train_seconds = [seconds] * epochs
            log.epoch(whole)
            early = steps_logged(tmp_path)
            assert not (early and wanted == "auto" and epochs < 3), "it trained for less than ten seconds"
        log.summarise({"dataset": "digits"}, whole)
    assert steps_logged(tmp_path) == list(range(1, logged + 1))
    assert (tmp_path / "tensorboard").exists() == bool(logged)


def test_a_trial_that_resumes_late_gets_a_log_of_all_its_epochs(tmp_path: Path) -> None:
    with TrialLog(Storage.at(str(tmp_path)), lambda: "study/run", wanted="auto") as log:
        log.epoch(history(30))
    assert steps_logged(tmp_path) == list(range(1, 31))
