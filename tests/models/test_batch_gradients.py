"""Batches that are computed on in one place, as CUDA graphs need them, give the bits of batches where they lie."""

import weakref
from typing import Any

import pytest
import torch

from models.device_data import DeviceData
from models.learner import Learner
from models.objectives import build_objective
from models.reproducible import reproducible
from tune_jobs.trial.config import TrialConfig

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "fields",
    [
        {"dropout": 0.3, "batch_norm": True, "schedule": "one_cycle"},
        {"network": "cnn", "batch_norm": True, "optimizer": "rmsprop", "shift": 0.1},
        {"network": "linear", "optimizer": "nesterov", "weight_decay": 0.01},
    ],
    ids=str,
)
def test_a_static_batch_changes_no_bit(fields: dict[str, Any], images: Any) -> None:
    config = TrialConfig(**{"hidden_units": 4, "batch_size": 16, "epochs": 3, **fields})
    found = []
    with reproducible(1, CPU):
        data = DeviceData.on_device(config, images, build_objective(config, images), CPU)
        for static in (False, True):
            learner = Learner(config, 3, data, static=static)
            epochs = [learner.train_epoch(None) for _ in range(2)]
            found.append([one for epoch in epochs if epoch is not None for one in (epoch.losses, epoch.outputs)])
            found[-1] += learner.network.state_dict().values()
    assert len(found[0]) > 4
    gone = weakref.ref(learner.network)
    del learner
    assert gone() is None, "a network in a cycle would keep its memory on the device"
    for plain, static in zip(*found, strict=True):
        assert torch.equal(plain, static)
