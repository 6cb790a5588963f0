"""The built-in losses against their formulas."""

import numpy as np
import pytest
import torch
from torch import nn

from models.losses import MINIMUM_VARIANCE, gaussian_variance
from tests.models.test_objectives import LOGITS, TARGETS, objective


def test_a_variance_that_overflows_is_an_infinite_loss_and_no_exception() -> None:
    made = objective("gaussian_nll", 0)
    outputs = torch.tensor([[0.0, 1e4]], requires_grad=True)
    loss = made.loss(outputs, made.encode(torch.tensor([1.0])))
    loss.backward()
    assert float(loss.detach()) == float("inf")


def test_cross_entropy() -> None:
    made = objective("cross_entropy", 3)
    expected = -torch.log_softmax(LOGITS, 1)[range(4), TARGETS].mean()
    torch.testing.assert_close(made.loss(LOGITS, made.encode(TARGETS)), expected)
    smoothed = objective("cross_entropy", 3, label_smoothing=0.3).loss(LOGITS, TARGETS)
    spread = -torch.log_softmax(LOGITS, 1).mean()
    torch.testing.assert_close(smoothed, 0.7 * expected + 0.3 * spread)


def test_mse_on_one_hot_targets_with_and_without_softmax() -> None:
    one_hot = np.eye(3)[TARGETS]
    plain, soft = objective("mse", 3), objective("mse_softmax", 3)
    assert float(plain.loss(LOGITS, plain.encode(TARGETS))) == pytest.approx(((LOGITS.numpy() - one_hot) ** 2).mean())
    probabilities = np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(1, keepdims=True)
    expected = ((probabilities - one_hot) ** 2).mean()
    assert float(soft.loss(LOGITS, soft.encode(TARGETS))) == pytest.approx(float(expected))
    assert plain.predict(LOGITS).tolist() == soft.predict(LOGITS).tolist() == [0, 2, 0, 1]


def test_two_classes_have_one_output_with_its_threshold() -> None:
    targets = torch.tensor([0, 1, 1])
    outputs = torch.tensor([[-0.2], [0.3], [0.7]])
    bce, mse = objective("bce_with_logits", 2), objective("mse", 2)
    assert (bce.outputs, mse.outputs) == (1, 1)
    p = 1 / (1 + np.exp(-outputs.numpy()[:, 0]))
    expected = -np.log([1 - p[0], p[1], p[2]]).mean()
    assert float(bce.loss(outputs, bce.encode(targets))) == pytest.approx(float(expected))
    assert bce.predict(outputs).tolist() == [0, 1, 1]
    assert mse.predict(outputs).tolist() == [0, 0, 1]
    assert float(mse.loss(outputs, mse.encode(targets))) == pytest.approx((0.04 + 0.49 + 0.09) / 3)


@pytest.mark.parametrize("link", ["exp", "softplus"])
def test_gaussian_nll_is_torchs_with_its_constant(link: str) -> None:
    torch.manual_seed(0)
    outputs, targets = torch.randn(50, 2), torch.randn(50)
    made = objective("gaussian_nll", 0, variance_link=link)
    variance = gaussian_variance(outputs[:, 1], link)
    expected = nn.GaussianNLLLoss(full=True)(outputs[:, 0], targets, variance)
    torch.testing.assert_close(made.loss(outputs, made.encode(targets)), expected)
    assert float(gaussian_variance(torch.tensor(-1e4), link)) == pytest.approx(MINIMUM_VARIANCE)
