"""The losses of a stack, and their gradients, are those of single training."""

import pytest
import torch
from torch import Tensor

from models.losses import cross_entropy
from models.objectives import Objective
from models.registry import OBJECTIVES
from tune_jobs.trial.config import TrialConfig


def autograd(outputs: Tensor, targets: Tensor, smoothing: Tensor, *, smooths: bool) -> tuple[Tensor, Tensor]:
    """Return the mean loss of each member, [members], and its gradient by the outputs."""
    given = outputs.clone().requires_grad_()
    logarithms = given.log_softmax(dim=2)
    losses = -logarithms.gather(2, targets.unsqueeze(2)).mean(dim=(1, 2))
    if smooths:
        losses = (1 - smoothing) * losses - smoothing * logarithms.mean(dim=(1, 2))
    (slope,) = torch.autograd.grad(losses.sum(), given)
    return losses.detach(), slope


@pytest.mark.parametrize("smooths", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 20, 64])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_cross_entropy_has_the_bits_of_autograd(smooths: bool, rows: int, classes: int) -> None:
    config = TrialConfig(objective="cross_entropy", label_smoothing=0.1 if smooths else 0.0)
    made = cross_entropy(config, "classification", classes)
    assert made.losses is not None
    torch.manual_seed(rows)
    outputs = torch.randn(5, rows, classes) * torch.tensor([0.1, 1.0, 10.0, 100.0, 1.0]).view(5, 1, 1)
    targets = torch.randint(classes, (5, rows))
    smoothing = torch.tensor([0.0, 0.05, 0.1, 0.3, 1.0])
    losses, slope = made.losses(outputs, targets, smoothing)
    expected_losses, expected_slope = autograd(outputs, targets, smoothing, smooths=smooths)
    assert torch.equal(losses, expected_losses)
    assert torch.equal(slope, expected_slope)


@pytest.mark.parametrize(
    ("objective", "task", "classes"),
    [
        (name, task, classes)
        for name, known in sorted(OBJECTIVES.items())
        for task, classes in (("regression", 0), ("classification", 2), ("classification", 5))
        if task in known.tasks
    ],
)
def test_the_losses_of_members_and_their_gradients_are_those_of_the_single_loss(
    objective: str, task: str, classes: int
) -> None:
    config = TrialConfig(objective=objective)
    made: Objective = OBJECTIVES[objective].load()(config, task, classes)
    assert made.losses is not None
    torch.manual_seed(classes)
    outputs = torch.randn(3, 7, made.outputs) * torch.tensor([0.1, 1.0, 10.0]).view(3, 1, 1)
    targets = torch.randint(classes, (3, 7)) if classes else torch.randn(3, 7)
    encoded = torch.stack([made.encode(one) for one in targets])
    losses, slope = made.losses(outputs.clone(), encoded, torch.zeros(3))
    for member in range(3):
        given = outputs[member].clone().requires_grad_()
        loss = made.loss(given, encoded[member])
        (expected,) = torch.autograd.grad(loss, given)
        torch.testing.assert_close(losses[member], loss.detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(slope[member], expected, rtol=1e-5, atol=1e-7)


def test_what_is_no_number_stays_with_its_member() -> None:
    made = cross_entropy(TrialConfig(objective="cross_entropy"), "classification", 3)
    assert made.losses is not None
    outputs = torch.zeros(2, 4, 3)
    outputs[1, 2, 0] = float("nan")
    losses, slope = made.losses(outputs, torch.zeros(2, 4, dtype=torch.long), torch.zeros(2))
    assert losses.isnan().tolist() == [False, True]
    assert not slope[0].isnan().any()
    assert slope[1, 2].isnan().all()
