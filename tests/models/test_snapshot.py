"""A training resumed from a snapshot ends in the same bits as an uninterrupted one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.engine import Training, train
from models.errors import ModelError
from models.plan import TrainingControl, TrainingPlan
from models.registry import OPTIMIZERS, SCHEDULES
from models.user_code import is_resumable
from tests.models.test_engine import bits
from tune_jobs.trial.config import TrialConfig

EPOCHS = 6
PLAN = TrainingPlan(measure_at={2, EPOCHS}, measure_improvements=True)


class InterruptedTrainingError(BaseException):
    """Interrupts a training."""


class Kept:
    """Keeps a snapshot after every epoch, and interrupts the training after the `end_after`th."""

    def __init__(self, content: bytes | None = None, end_after: int = 0) -> None:
        self.content = content
        self.saved = 0
        self._end_after = end_after

    def load(self) -> bytes | None:
        return self.content

    def due(self) -> bool:
        return True

    def save(self, content: bytes) -> None:
        self.content = content
        self.saved += 1
        if self.saved == self._end_after:
            raise InterruptedTrainingError


def trained(data: Any, snapshots: Kept | None = None, **fields: Any) -> Training:
    config = TrialConfig(**{"hidden_units": 8, "batch_size": 16, "epochs": EPOCHS, **fields})
    return train(config, [0], data, plan=PLAN, control=TrainingControl(snapshots=snapshots))[0]


def assert_resumes(data: Any, **fields: Any) -> None:
    """Interrupt a training after its second and again after its fourth epoch; compare with an uninterrupted one."""
    whole = trained(data, **fields)
    first = Kept(end_after=2)
    with pytest.raises(InterruptedTrainingError):
        trained(data, first, **fields)
    second = Kept(first.content, end_after=2)
    with pytest.raises(InterruptedTrainingError):
        trained(data, second, **fields)
    torch.rand(3)  # earlier draws must not matter
    last = Kept(second.content)
    resumed = trained(data, last, **fields)
    assert last.saved == EPOCHS - 4 - 1, "the rest was trained, and no epoch twice"
    assert bits(resumed.history) == bits(whole.history)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert np.all(np.diff(resumed.history.train_seconds) > 0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_resumes(optimizer: str, images: Any) -> None:
    assert_resumes(images, optimizer=optimizer)


def test_an_optimizer_that_computes_the_loss_itself_resumes(images: Any) -> None:
    assert_resumes(images, optimizer="torch.optim:LBFGS", learning_rate=0.1, own={"optimizer.max_iter": 3})


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_resumes(schedule: str, images: Any) -> None:
    assert_resumes(images, schedule=schedule, decay_every=2, plateau_patience=0, learning_rate=0.05)


@pytest.mark.parametrize(
    "fields",
    [
        {"dropout": 0.4},
        {"network": "cnn", "batch_norm": True, "dropout": 0.2, "shift": 1.0, "rotation": 10.0},
        {"early_stopping_patience": 2, "learning_rate": 0.02},
    ],
    ids=["dropout", "augmented cnn", "early stopping"],
)
def test_everything_random_or_remembered_resumes(fields: dict[str, Any], images: Any) -> None:
    assert_resumes(images, **fields)


def test_on_epoch_is_not_called_for_epochs_of_a_snapshot(images: Any) -> None:
    kept = Kept(end_after=3)
    with pytest.raises(InterruptedTrainingError):
        trained(images, kept)
    seen: list[int] = []
    config = TrialConfig(hidden_units=8, batch_size=16, epochs=EPOCHS)
    control = TrainingControl(snapshots=Kept(kept.content), on_epoch=lambda history: seen.append(history.epochs))
    train(config, [0], images, control=control)
    assert seen == [4, 5, 6]


@pytest.mark.parametrize("content", [b"", b"torn", "half", "other"], ids=["empty", "torn", "half", "of another shape"])
def test_a_snapshot_that_cannot_be_used_is_ignored(content: Any, images: Any, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept(end_after=1)
    with pytest.raises(InterruptedTrainingError):
        trained(images, kept, hidden_units=4 if content == "other" else 8)
    assert kept.content is not None
    torn = kept.content[: len(kept.content) // 2] if content == "half" else content
    caplog.clear()
    resumed = trained(images, Kept(kept.content if content == "other" else torn))
    (line,) = caplog.messages
    assert line.startswith("a snapshot cannot be used, training starts from the first epoch: ")
    assert bits(resumed.history) == bits(trained(images).history)


def test_a_snapshot_that_cannot_be_kept_does_not_end_the_training(
    images: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Kept):
        def save(self, content: bytes) -> None:
            self.saved += 1
            raise OSError("no space left on device")

    full = Full()
    assert bits(trained(images, full).history) == bits(trained(images).history)
    assert full.saved == 1, "it is not tried again"
    assert caplog.messages == ["a snapshot cannot be kept, training goes on without: no space left on device"]


def test_a_fault_in_keeping_a_snapshot_is_logged_with_its_traceback(
    images: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Kept):
        def save(self, content: bytes) -> None:
            raise KeyError("a bug")

    trained(images, Faulty())
    (record,) = caplog.records
    assert record.message == "a snapshot cannot be made, training goes on without"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


USER_CODE = """
class Says:
    resumable = True

class SaysNothing:
    pass

def loss(outputs, targets):
    return (outputs - targets).mean()
"""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"network": "mine_to_resume:Says"}, True),
        ({"network": "mine_to_resume:SaysNothing"}, False),
        ({"schedule": "mine_to_resume:SaysNothing"}, False),
        ({"optimizer": "torch.optim:NAdam"}, True),
        ({"objective": "mine_to_resume:loss"}, True),
        ({"objective": "mine_to_resume:SaysNothing"}, False),
        ({"network": "mine_to_resume:loss"}, False),
    ],
)
def test_user_code_is_resumed_where_all_its_state_is_known(
    fields: dict[str, Any], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_to_resume.py").write_text(USER_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    assert is_resumable(TrialConfig(**fields)) == expected


def test_a_snapshot_is_of_one_seed(images: Any) -> None:
    with pytest.raises(ModelError, match="give one seed"):
        train(TrialConfig(hidden_units=8, batch_size=16), [0, 1], images, control=TrainingControl(snapshots=Kept()))
