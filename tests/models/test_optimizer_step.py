"""A step by an optimizer's kernels has the bits of the optimizer's own step."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.learner import update
from models.optimizer_step import OptimizerStep
from models.optimizers import build_optimizer
from models.registry import OPTIMIZERS
from tune_jobs.trial.config import TrialConfig


def pair(optimizer: str, **fields: Any) -> list[tuple[nn.Module, torch.optim.Optimizer]]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(7, 33), nn.Tanh(), nn.Linear(33, 3))
    twin = copy.deepcopy(network)
    config = TrialConfig(optimizer=optimizer, learning_rate=0.05, **fields)
    return [(one, build_optimizer(config, one.parameters())) for one in (network, twin)]


def backward(network: nn.Module, inputs: Tensor) -> None:
    network(inputs).square().mean().backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_the_bits_are_those_of_the_optimizer(optimizer: str, weight_decay: float) -> None:
    (network, plain), (twin, own) = pair(optimizer, weight_decay=weight_decay)
    step = OptimizerStep(own)
    for number, inputs in enumerate(torch.randn(12, 5, 7)):
        for group in (*plain.param_groups, *own.param_groups):
            group["lr"] = 0.05 / (number + 1)
        plain.zero_grad()
        backward(network, inputs)
        plain.step()
        step.clear()
        assert step.gradients() == [None] * 4
        backward(twin, inputs)
        assert step.learning_rate == 0.05 / (number + 1)
        step(step.gradients())
    for mine, theirs in zip(twin.parameters(), network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    kept = zip(own.state_dict()["state"].values(), plain.state_dict()["state"].values(), strict=True)
    for mine_kept, theirs_kept in kept:
        assert mine_kept.keys() == theirs_kept.keys()
        assert all(torch.equal(mine_kept[name], theirs_kept[name]) for name in mine_kept if mine_kept[name] is not None)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_optimizer_of_ours_has_its_kernels(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (_, _), (twin, own) = pair(optimizer)
    step = OptimizerStep(own)
    backward(twin, torch.ones(2, 7))
    step(step.gradients())

    def fails(*args: object) -> None:
        raise AssertionError("PyTorch's own step was called")

    monkeypatch.setattr(own, "step", fails)
    step(step.gradients())


def test_a_network_that_leaves_out_a_parameter_is_left_to_the_optimizer() -> None:
    network = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    own = torch.optim.Adam(network.parameters())
    step = OptimizerStep(own, direct=False)
    before = network[1].weight.clone()  # type: ignore[operator]
    for _ in range(3):
        step.clear()
        backward(network[0], torch.ones(1, 2))
        step(step.gradients())
    assert torch.equal(network[1].weight, before)  # type: ignore[arg-type]


def test_an_optimizer_that_needs_a_closure_gets_one_and_tells_of_the_weights_before_its_step() -> None:
    torch.manual_seed(0)
    network = nn.Linear(7, 1)
    twin = copy.deepcopy(network)
    own, plain = (torch.optim.LBFGS(one.parameters(), 0.5, max_iter=4) for one in (network, twin))
    step = OptimizerStep(own, direct=False)
    assert step.takes_closure
    for inputs in torch.randn(5, 20, 7):
        targets = inputs.sum(dim=1, keepdim=True)
        loss_of = nn.functional.mse_loss
        before = twin(inputs).detach()
        outputs, loss = update(step, network, loss_of, inputs, targets)
        assert torch.equal(outputs, before)
        assert torch.equal(loss, loss_of(before, targets))

        def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
            plain.zero_grad()
            value = nn.functional.mse_loss(twin(inputs), targets)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        plain.step(closure)  # type: ignore[arg-type]
    assert torch.equal(network.weight, twin.weight)
    assert float(loss) < 0.01, "it learns"


def test_only_an_optimizer_that_cannot_do_without_gets_a_closure() -> None:
    parameters = nn.Linear(2, 2).parameters
    assert not any(
        OptimizerStep(build_optimizer(TrialConfig(optimizer=name), parameters())).takes_closure for name in OPTIMIZERS
    )
    assert not OptimizerStep(torch.optim.NAdam(parameters())).takes_closure

    class Idle(torch.optim.SGD):
        def step(self, closure: Any) -> None: ...  # type: ignore[override]

    network = nn.Linear(2, 2)
    step = OptimizerStep(Idle(network.parameters()), direct=False)
    with pytest.raises(ModelError, match="step of Idle needs a closure and does not call it"):
        update(step, network, nn.functional.mse_loss, torch.ones(3, 2), torch.ones(3, 2))


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_parameter_keeps_its_own_count_of_steps(optimizer: str) -> None:
    (_, _), (twin, own) = pair(optimizer)
    step = OptimizerStep(own)
    for _ in range(3):
        step.clear()
        backward(twin, torch.ones(2, 7))
        step(step.gradients())
    kept = [one["step"] for one in own.state_dict()["state"].values() if "step" in one]
    assert [float(one) for one in kept] == [3.0] * len(kept)
    # PyTorch's own step counts each.
    own.load_state_dict(copy.deepcopy(own.state_dict()))
    own.step()
    assert [float(one["step"]) for one in own.state_dict()["state"].values() if "step" in one] == [4.0] * len(kept)
