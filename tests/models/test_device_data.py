"""A dataset goes to the device once for all trainings on it, and leaves it when another comes."""

import dataclasses
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from models.device_data import DeviceData, Uploads, chosen_rows
from models.engine import train
from models.objectives import build_objective
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from tune_jobs.trial.config import TrialConfig

CPU = torch.device("cpu")


class Counted:
    """Uploads to the CPU, and counts the rows of each part that it took there."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, inputs: Any, targets: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        self.rows.append(len(inputs))
        return torch.tensor(inputs, device=device), torch.tensor(targets, device=device)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the rows of each part that this process uploads."""
    upload = Counted()
    monkeypatch.setattr("models.device_data.UPLOADS", Uploads(upload))
    return upload.rows


def test_many_trials_of_one_dataset_upload_it_once(counted: list[int], images: Any, table: Any) -> None:
    config = TrialConfig(hidden_units=4, batch_size=16, epochs=1)
    for one in (config, config.replace(objective="mse"), config.replace(network="cnn", hidden_units=2)):
        train(one, [0, 1], images)
    dict(train_stacked([(seed, Request(config, seed, images)) for seed in range(3)]))
    assert counted == [90, 30]
    train(config.replace(objective="mse"), [0], table)
    train(config, [0], images)
    assert counted == [90, 30] * 3, "only the last is kept"


def test_members_of_a_stack_with_several_datasets_upload_each_once(counted: list[int], make_data: Any) -> None:
    datasets = [make_data(seed=seed) for seed in (1, 2)]
    config = TrialConfig(hidden_units=4, batch_size=16, epochs=2)
    dict(train_stacked([(seed, Request(config, seed, datasets[seed % 2])) for seed in range(6)], width=6))
    assert counted == [90, 30] * 2


def test_another_dataset_frees_the_one_before(images: Any, table: Any) -> None:
    uploads = Uploads()
    inputs = weakref.ref(uploads.of(images, CPU)[0][0])
    assert uploads.of(images, CPU)[0][0] is inputs()
    uploads.of(table, CPU)
    assert inputs() is None


def test_equal_data_of_another_object_are_not_taken_for_the_same(images: Any) -> None:
    uploads = Uploads()
    other = dataclasses.replace(images, train_inputs=images.train_inputs + 1)
    first, second = uploads.of(images, CPU), uploads.of(other, CPU)
    torch.testing.assert_close(first[0][0] + 1, second[0][0])


def test_the_users_code_gets_tensors_of_its_own(images: Any) -> None:
    """It may change them in place."""
    config = TrialConfig(network="torch.nn:Flatten", epochs=1)
    objective = build_objective(TrialConfig(), images)
    data = [DeviceData.on_device(config, images, objective, CPU) for _ in range(2)]
    assert data[0].train.inputs is not data[1].train.inputs
    shipped = [DeviceData.on_device(TrialConfig(), images, objective, CPU) for _ in range(2)]
    assert shipped[0].train.inputs is shipped[1].train.inputs


@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 3), (1, 6, 5), (3, 6, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_chosen_rows_are_those_of_an_index_in_the_same_layout(
    shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    if layout is torch.channels_last and len(shape) != 3:
        return
    rows = torch.randn(9, *shape)
    rows = rows.contiguous(memory_format=layout) if shape else rows
    chosen = torch.tensor([8, 0, 3, 3])
    found = chosen_rows(rows, chosen)
    assert torch.equal(found, rows[chosen])
    assert found.stride() == rows[chosen].stride()
    found.zero_()
    assert rows.abs().min() > 0


def test_rows_of_no_layout_are_chosen_too() -> None:
    rows = torch.randn(6, 4, 5, 3).transpose(1, 3)[:, :, ::2]
    chosen = torch.tensor([5, 1])
    assert torch.equal(chosen_rows(rows, chosen), rows[chosen])
