"""A training that goes on from a snapshot ends in the same bits as one that was never interrupted."""

from typing import Any

import numpy as np
import pytest
import torch

from models.engine import Training, train
from models.errors import ModelError
from models.registry import OPTIMIZERS, SCHEDULES
from tests.models.test_engine import bits
from tune_jobs.config import TrialConfig

EPOCHS = 6


class InterruptedTrainingError(Exception):
    """What ends a training in these tests."""


class Kept:
    """Keeps a snapshot after every epoch, and ends the training after one of them."""

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
    return train(config, [0], data, measure_at={2, EPOCHS}, measure_improvements=True, snapshots=snapshots)[0]


def assert_goes_on(data: Any, **fields: Any) -> None:
    """See that a training interrupted after its second and again after its fourth epoch is as if it had not been."""
    whole = trained(data, **fields)
    first = Kept(end_after=2)
    with pytest.raises(InterruptedTrainingError):
        trained(data, first, **fields)
    second = Kept(first.content, end_after=2)
    with pytest.raises(InterruptedTrainingError):
        trained(data, second, **fields)
    torch.rand(3)  # what came before must not matter
    last = Kept(second.content)
    resumed = trained(data, last, **fields)
    assert last.saved == EPOCHS - 4 - 1, "the rest was trained, and no epoch twice"
    assert bits(resumed.history) == bits(whole.history)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert np.all(np.diff(resumed.history.train_seconds) > 0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on(optimizer: str, images: Any) -> None:
    assert_goes_on(images, optimizer=optimizer)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_on(schedule: str, images: Any) -> None:
    assert_goes_on(images, schedule=schedule, decay_every=2, plateau_patience=0, learning_rate=0.05)


@pytest.mark.parametrize(
    "fields",
    [
        {"dropout": 0.4},
        {"network": "cnn", "batch_norm": True, "dropout": 0.2, "shift": 1.0, "rotation": 10.0},
        {"early_stopping_patience": 2, "learning_rate": 0.02},
    ],
    ids=["dropout", "augmented cnn", "early stopping"],
)
def test_everything_random_or_remembered_goes_on(fields: dict[str, Any], images: Any) -> None:
    assert_goes_on(images, **fields)


def test_epochs_that_a_snapshot_has_are_not_reported_again(images: Any) -> None:
    kept = Kept(end_after=3)
    with pytest.raises(InterruptedTrainingError):
        trained(images, kept)
    seen: list[int] = []
    config = TrialConfig(hidden_units=8, batch_size=16, epochs=EPOCHS)
    train(config, [0], images, snapshots=Kept(kept.content), on_epoch=lambda history: seen.append(history.epochs))
    assert seen == [4, 5, 6]


@pytest.mark.parametrize("content", [b"", b"torn", "half"], ids=["empty", "torn", "half"])
def test_a_torn_snapshot_is_refused(content: Any, images: Any) -> None:
    kept = Kept(end_after=1)
    with pytest.raises(InterruptedTrainingError):
        trained(images, kept)
    assert kept.content is not None
    torn = kept.content[: len(kept.content) // 2] if content == "half" else content
    with pytest.raises(ModelError, match="is no whole snapshot"):
        trained(images, Kept(torn))


def test_several_seeds_have_no_snapshot_together(images: Any) -> None:
    with pytest.raises(ModelError, match="give one seed"):
        train(TrialConfig(hidden_units=8, batch_size=16), [0, 1], images, snapshots=Kept())
