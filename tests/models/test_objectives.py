"""Which objectives there are, and how outputs are read and scored."""

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.objectives import build_objective, predicted_moments, score
from models.registry import GAUSSIAN, OBJECTIVES
from tune_jobs.trial.config import TrialConfig

TARGETS = torch.tensor([0, 2, 1, 2])
LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.1, 0.2, 0.3], [1.0, 1.0, -1.0], [0.0, 3.0, 1.0]])


class Task:
    """The part of a dataset that an objective reads."""

    def __init__(self, classes: int, target_std: float = 1.0, target_transform: str = "none") -> None:
        self.task = "classification" if classes else "regression"
        self.classes = classes
        self.target_mean = 0.0
        self.target_std = target_std
        self.target_transform = target_transform


def objective(name: str, classes: int, **fields: object):
    return build_objective(TrialConfig(objective=name, **fields), Task(classes))


def test_every_objective_serves_some_task() -> None:
    assert len(OBJECTIVES) >= 5
    for name, entry in OBJECTIVES.items():
        assert entry.tasks, name
        for task in entry.tasks:
            classes = 3 if task == "classification" else 0
            assert objective(name, classes).outputs >= 1, task


def test_objectives_read_a_distribution_off_their_outputs_where_they_declare_one() -> None:
    declared = {entry.distribution for entry in OBJECTIVES.values()}
    assert declared == {GAUSSIAN, None}
    for name, entry in OBJECTIVES.items():
        for task in entry.tasks:
            made = objective(name, 3 if task == "classification" else 0)
            assert (made.gaussian is not None) == (entry.distribution == GAUSSIAN), name
            if made.gaussian is not None:
                mean, std = made.gaussian(torch.randn(7, made.outputs))
                assert mean.shape == std.shape == (7,)
                assert (std > 0).all()


def test_an_objective_of_another_task_is_refused_with_those_that_fit() -> None:
    with pytest.raises(ModelError, match="objective: cross_entropy is not for regression; use mse, gaussian_nll"):
        objective("cross_entropy", 0)


def test_scores_are_percent_or_in_the_targets_unit() -> None:
    made = objective("cross_entropy", 3)
    assert score(made, LOGITS, TARGETS, Task(3)) == 50.0
    regression = objective("mse", 0)
    outputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 0.0])
    assert score(regression, outputs, targets, Task(0, target_std=10.0)) == pytest.approx(10 * np.sqrt(5))


def test_under_a_log_target_errors_are_in_the_targets_unit() -> None:
    data = Task(0, target_std=0.5, target_transform="log")
    data.target_mean = 2.0
    outputs, targets = torch.tensor([[1.0], [-1.0]]), torch.tensor([0.0, 0.5])
    expected = np.sqrt(np.mean((np.exp([2.5, 1.5]) - np.exp([2.0, 2.25])) ** 2))
    assert score(objective("mse", 0), outputs, targets, data) == pytest.approx(expected)


def test_a_gaussian_of_the_logarithm_predicts_the_mean_of_its_log_normal_distribution() -> None:
    """Against draws: mean and standard deviation of exponentials of the predicted Gaussian."""
    data = Task(0, target_std=0.4, target_transform="log")
    data.target_mean = 12.0
    made = objective("gaussian_nll", 0)
    mean, std = predicted_moments(made, torch.tensor([[0.5, -1.0]]), data)
    draws = np.exp(12.0 + 0.4 * np.random.default_rng(0).normal(0.5, np.exp(-0.5), 400_000))
    assert float(mean) == pytest.approx(draws.mean(), rel=0.005)
    assert float(std) == pytest.approx(draws.std(), rel=0.02)
    found = score(made, torch.tensor([[0.5, -1.0]]), torch.tensor([0.0]), data)
    assert found == pytest.approx(abs(float(mean) - np.exp(12.0)))


def test_a_gaussian_of_the_target_has_the_predicted_moments() -> None:
    mean, std = predicted_moments(objective("gaussian_nll", 0), torch.tensor([[0.5, 2.0]]), Task(0, target_std=10.0))
    assert float(mean) == 5.0
    assert float(std) == pytest.approx(10 * np.sqrt(np.exp(2.0) + 1e-6))
    with pytest.raises(ModelError, match="predicts no distribution"):
        predicted_moments(objective("mse", 0), torch.tensor([[0.5]]), Task(0))
