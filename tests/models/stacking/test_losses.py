"""The losses of a stack: their gradients are those that autograd finds, bit for bit."""

import pytest
import torch
from torch import Tensor

from models.losses import cross_entropy
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


def test_what_is_no_number_stays_with_its_member() -> None:
    made = cross_entropy(TrialConfig(objective="cross_entropy"), "classification", 3)
    assert made.losses is not None
    outputs = torch.zeros(2, 4, 3)
    outputs[1, 2, 0] = float("nan")
    losses, slope = made.losses(outputs, torch.zeros(2, 4, dtype=torch.long), torch.zeros(2))
    assert losses.isnan().tolist() == [False, True]
    assert not slope[0].isnan().any()
    assert slope[1, 2].isnan().all()
