"""Augmentation: where images move, what fills their edges, and that only training sees it, bit for bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models import augmentation
from models.augmentation import Augmentation, affine_maps, background, moved
from models.engine import train
from models.errors import ModelError
from models.history import History
from models.plan import TrainingPlan
from tune_jobs.trial.config import TrialConfig

CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate")
SOME = {"shift": 1.5, "rotation": 20.0, "zoom": 10.0}


def history(
    data: Any, *, epochs: int = 3, plan: TrainingPlan | None = None, device: str = "cpu", **fields: Any
) -> History:
    config = TrialConfig(**{"hidden_units": 8, "batch_size": 16, "epochs": epochs, **fields})
    return train(config, [5], data, plan=plan, device=device)[0].history


def curves(trained: History) -> list[list[float]]:
    return [getattr(trained, name) for name in CURVES]


def change(image: Any, *, draws: list[float], **bounds: float) -> np.ndarray[Any, Any]:
    """Change a one-channel image by draws of right, down, rotation and zoom."""
    images = torch.tensor(image, dtype=torch.float32)[None, None]
    maps = affine_maps(TrialConfig(**bounds), torch.tensor([draws]), images.shape[2:])
    return moved(images, maps, torch.tensor(background(images.numpy())))[0, 0].numpy()


def test_draws_shift_right_and_down_by_pixels() -> None:
    image = [[0, 0, 0, 0, 0], [0, 1, 2, 0, 0], [0, 0, 0, 0, 0]]
    right = change(image, draws=[1, 0, 0, 0], shift=2)
    np.testing.assert_allclose(right, [[0] * 5, [0, 0, 0, 1, 2], [0] * 5], atol=1e-6)
    up = change(image, draws=[0, -0.5, 0, 0], shift=2)
    np.testing.assert_allclose(up, [[0, 1, 2, 0, 0], [0] * 5, [0] * 5], atol=1e-6)


def test_rotation_is_clockwise_about_the_centre_whatever_the_sides() -> None:
    image = [[0, 0, 0, 0, 0], [0, 0, 0, 7, 0], [0, 0, 0, 0, 0]]
    turned = change(image, draws=[0, 0, 0.5, 0], rotation=180)
    np.testing.assert_allclose(turned, [[0] * 5, [0] * 5, [0, 0, 7, 0, 0]], atol=1e-5)


def test_zoom_enlarges_about_the_centre() -> None:
    image = np.zeros((8, 8))
    image[3:5, 3:5] = 1
    large = change(image, draws=[0, 0, 0, 1], zoom=99.9)
    small = change(image, draws=[0, 0, 0, -1], zoom=50)
    assert (large[2:6, 2:6] > 0.5).all()
    assert large.sum() == pytest.approx(4 * 1.999**2, rel=0.15)
    assert small.sum() == pytest.approx(4 * 0.5**2, rel=0.01)


@given(value=st.floats(-5, 5, width=32), draws=st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4))
def test_an_image_of_one_colour_does_not_change(value: float, draws: list[float]) -> None:
    found = change([[value] * 6] * 4, draws=draws, shift=3, rotation=90, zoom=60)
    np.testing.assert_allclose(found, value, atol=1e-5)


def test_edges_are_filled_with_each_images_background() -> None:
    dark, light = np.full((1, 6, 6), -0.5, "float32"), np.full((1, 6, 6), 2.0, "float32")
    for image, stroke in ((dark, 2.0), (light, -0.5)):
        image[0, :, 2] = stroke  # reaches the frame above and below
    images = np.stack([dark, light])
    assert background(images).ravel().tolist() == [-0.5, 2.0]
    maps = affine_maps(TrialConfig(shift=2), torch.tensor([[0.0, 1, 0, 0]] * 2), (6, 6))
    found = moved(torch.tensor(images), maps, torch.tensor(background(images)))
    np.testing.assert_allclose(found[0, 0, :2], -0.5, atol=1e-5)
    np.testing.assert_allclose(found[1, 0, :2], 2.0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 2:], images[:, 0, :4], atol=1e-5)


def test_each_channel_has_its_background_and_so_do_small_images() -> None:
    images = np.arange(12, dtype="float32").reshape(1, 3, 2, 2)
    assert background(images).ravel().tolist() == [2, 6, 10]
    assert background(images[:, :, :1, :1]).ravel().tolist() == [0, 4, 8]


def test_images_changed_in_blocks_are_those_changed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).normal(size=(7, 3, 5, 6)).astype("float32")
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    inputs = torch.tensor(images)[order].contiguous(memory_format=torch.channels_last)
    before = inputs.clone()
    config = TrialConfig(**SOME)
    whole = Augmentation(config, images, 9, torch.device("cpu"))(inputs, order)
    monkeypatch.setattr(augmentation, "_BLOCK_PIXELS", 2 * images[0].size)
    parts = Augmentation(config, images, 9, torch.device("cpu"))(inputs, order)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert torch.equal(inputs, before), "the next epoch starts from unchanged images"
    assert whole.is_contiguous(memory_format=torch.channels_last)


def test_every_epoch_and_every_image_is_changed_differently() -> None:
    images = np.random.default_rng(0).normal(size=(1, 1, 8, 8)).astype("float32").repeat(3, axis=0)
    augment = Augmentation(TrialConfig(**SOME), images, 9, torch.device("cpu"))
    first, second = (augment(torch.tensor(images), torch.arange(3)) for _ in range(2))
    found = [image.numpy().tobytes() for image in (*first, *second, torch.tensor(images[0]))]
    assert len(set(found)) == len(found)


def test_the_drawn_shift_does_not_depend_on_other_changes() -> None:
    images = np.zeros((2, 1, 5, 5), "float32")
    images[:, 0, 2, 2] = 1
    centre = torch.arange(5.0) - 2
    means = []
    for rotation in (0.0, 90.0):
        config = TrialConfig(shift=1, rotation=rotation)
        found = Augmentation(config, images, 9, torch.device("cpu"))(torch.tensor(images), torch.arange(2))
        means.append((found[:, 0] * centre).sum(dim=(1, 2)) / found.sum(dim=(1, 2, 3)))
    np.testing.assert_allclose(means[0], means[1], atol=0.2)


@pytest.mark.parametrize("fields", [{"network": "cnn"}, {"network": "mlp"}, {"network": "linear"}])
def test_training_is_on_changed_images_and_the_same_bit_for_bit(fields: dict[str, Any], images: Any) -> None:
    expected = history(images, plan=TrainingPlan(measure_at=[3]), **SOME, **fields)
    history(images, shift=1.0)
    torch.manual_seed(123)
    assert curves(history(images, plan=TrainingPlan(measure_at=[3]), **SOME, **fields)) == curves(expected)
    assert curves(history(images, **fields)) != curves(expected)
    for name in SOME:
        assert curves(history(images, **{name: SOME[name]}, **fields)) != curves(history(images, **fields))


def test_fewer_epochs_are_the_beginning_of_more(images: Any) -> None:
    full, part = history(images, epochs=6, **SOME), history(images, epochs=6, plan=TrainingPlan(epochs=3), **SOME)
    assert [curve[:3] for curve in curves(full)] == curves(part)


def test_weights_and_order_are_those_without_augmentation(images: Any) -> None:
    """With steps so small that nothing is learned, only the running training values may differ."""
    fields = {"optimizer": "sgd", "learning_rate": 1e-30}
    plain, changed = (
        history(images, plan=TrainingPlan(measure_at=[3]), **fields, **more)
        for more in ({}, {**SOME, "rotation": 90.0})
    )
    assert plain.validation_loss == changed.validation_loss
    assert plain.measurements[3].train_loss == changed.measurements[3].train_loss
    assert plain.train_loss != changed.train_loss


def test_a_users_network_gets_changed_images_in_the_order_of_rows(images: Any) -> None:
    users = train(TrialConfig(network="tests.models.test_augmentation:flat", epochs=2, **SOME), [5], images)[0].history
    built_in = history(images, epochs=2, network="linear", batch_size=32, **SOME)
    np.testing.assert_allclose(users.train_loss, built_in.train_loss, rtol=1e-4)


def flat(in_features: int, outputs: int) -> torch.nn.Module:
    """The linear network as a user might write it, on a view of the rows."""

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(in_features, outputs)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.head(inputs.view(len(inputs), -1))
            return result

    return Flat()


@pytest.mark.parametrize("name", SOME)
def test_only_images_can_be_augmented(name: str, make_data: Callable[..., Any]) -> None:
    with pytest.raises(
        ModelError, match=rf"{name}: changes images of shape .*, the data has \(4,\); leave shift, rota"
    ):
        history(make_data(shape=(4,)), **{name: 1.0})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_changes_of_the_cpu(images: Any) -> None:
    found = [history(images, device=device, **SOME) for device in ("cpu", "cuda", "cuda")]
    assert curves(found[1]) == curves(found[2])
    np.testing.assert_allclose(found[0].train_loss, found[1].train_loss, rtol=1e-3)
