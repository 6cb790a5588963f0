"""Losses against their formulas, and how outputs are read."""

import numpy as np
import pytest
import torch
from torch import nn

from models.errors import ModelError
from models.objectives import MINIMUM_VARIANCE, build_objective, gaussian_variance, score
from models.registry import OBJECTIVES
from tune_jobs.config import TrialConfig

TARGETS = torch.tensor([0, 2, 1, 2])
LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.1, 0.2, 0.3], [1.0, 1.0, -1.0], [0.0, 3.0, 1.0]])


class Task:
    """As much of a dataset as an objective reads."""

    def __init__(self, classes: int, target_std: float = 1.0) -> None:
        self.task = "classification" if classes else "regression"
        self.classes = classes
        self.target_mean = 0.0
        self.target_std = target_std


def objective(name: str, classes: int, **fields: object):
    return build_objective(TrialConfig(objective=name, **fields), Task(classes))


def test_every_objective_serves_some_task() -> None:
    assert len(OBJECTIVES) >= 5
    for name, entry in OBJECTIVES.items():
        assert entry.tasks, name
        for task in entry.tasks:
            classes = 3 if task == "classification" else 0
            assert objective(name, classes).outputs >= 1, task


def test_an_objective_of_another_task_is_refused_with_those_that_fit() -> None:
    with pytest.raises(ModelError, match="objective: cross_entropy is not for regression; use mse, gaussian_nll"):
        objective("cross_entropy", 0)


def test_a_variance_beyond_all_numbers_is_an_infinite_loss_and_no_exception() -> None:
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


def test_scores_are_percent_and_the_targets_own_unit() -> None:
    made = objective("cross_entropy", 3)
    assert score(made, LOGITS, TARGETS, Task(3)) == 50.0
    regression = objective("mse", 0)
    outputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 0.0])
    assert score(regression, outputs, targets, Task(0, target_std=10.0)) == pytest.approx(10 * np.sqrt(5))
