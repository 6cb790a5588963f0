"""A step of an optimizer, by the kernels that PyTorch's own step ends in.

On a small network PyTorch's step takes two to four times as long as its kernels: it sorts the tensors by device, looks
for gradients that are missing, sparse or complex, and calls hooks. None of that is needed for our optimizers and
networks, and the numbers are the same, bit for bit.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from models.errors import ModelError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_Kernel = Callable[[list[Tensor], dict[str, Any]], None]


class OptimizerStep:
    """Steps an optimizer that `models.optimizers` has made, of any of its own kinds; others step by themselves.

    Args:
        optimizer: to step.
        direct: whether its kernels may be called; not for networks that may leave a parameter without a gradient.
    """

    def __init__(self, optimizer: Optimizer, *, direct: bool = True) -> None:
        self._optimizer = optimizer
        self._parameters: list[Parameter] = self._group["params"]
        self._make = _KERNELS.get(type(optimizer)) if direct else None
        self._kernel: _Kernel | None = None
        self.takes_closure = _needs_closure(optimizer)

    @property
    def _group(self) -> dict[str, Any]:
        # Loading a state replaces it.
        group: dict[str, Any] = self._optimizer.param_groups[0]
        return group

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._group["lr"])

    def clear(self) -> None:
        """Drop the gradients."""
        if self._kernel is None:
            self._optimizer.zero_grad(set_to_none=True)
            return
        for parameter in self._parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor | None]:
        """Return the gradients that the parameters have."""
        return [parameter.grad for parameter in self._parameters]

    def __call__(self, gradients: list[Tensor | None] | list[Tensor]) -> None:
        """Step.

        Args:
            gradients: one for each parameter.
        """
        if self._kernel is not None:
            with torch.no_grad():
                self._kernel(gradients, self._group)  # type: ignore[arg-type]
            return
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        # The first makes what the optimizer keeps, and tells schedules that it steps.
        if self._make is None:
            self._optimizer.step()
        else:
            self._first_step()
            state = [self._optimizer.state.get(parameter, {}) for parameter in self._parameters]
            self._kernel = self._make([one.detach() for one in self._parameters], state)

    def _first_step(self) -> None:
        """Step without what PyTorch wraps a step in, which imports its compiler, for a second."""
        with torch.no_grad():
            inspect.unwrap(type(self._optimizer).step)(self._optimizer)
        self._optimizer._opt_called = True  # type: ignore[attr-defined]

    def with_closure(self, gradients: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Step an optimizer that computes the loss itself, as often as it likes, such as L-BFGS.

        Args:
            gradients: computes outputs and loss on the batch, and the gradients.

        Returns:
            Outputs and loss before the step: of the first time.

        Raises:
            ModelError: the optimizer never computes the loss.
        """
        before: list[tuple[Tensor, Tensor]] = []

        def closure() -> Tensor:
            self.clear()
            with torch.enable_grad():
                outputs, loss = gradients()
            if not before:
                before.append((outputs.detach().clone(), loss.detach().clone()))
            return loss

        self._optimizer.step(closure)  # type: ignore[arg-type]
        if not before:
            name = type(self._optimizer).__name__
            raise ModelError(
                f"optimizer: the step of {name} needs a closure and does not call it; let it compute the loss"
            )
        return before[0]


def _needs_closure(optimizer: Optimizer) -> bool:
    """Tell whether an optimizer's step cannot do without a function that computes the loss."""
    parameters = list(inspect.signature(type(optimizer).step).parameters.values())[1:]
    return bool(parameters) and parameters[0].default is inspect.Parameter.empty and parameters[0].kind in _POSITIONAL


def _adam(parameters: list[Tensor], state: list[dict[str, Tensor]]) -> _Kernel:
    return _adam_with(torch._fused_adam_, parameters, state)


def _adamw(parameters: list[Tensor], state: list[dict[str, Tensor]]) -> _Kernel:
    return _adam_with(torch._fused_adamw_, parameters, state)


def _adam_with(fused: Callable[..., None], parameters: list[Tensor], state: list[dict[str, Tensor]]) -> _Kernel:
    means, squares = ([one[name] for one in state] for name in ("exp_avg", "exp_avg_sq"))
    steps, count_one = _counted_together(state)

    def step(gradients: list[Tensor], group: dict[str, Any]) -> None:
        count_one()
        beta1, beta2 = group["betas"]
        fused(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            amsgrad=False,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    return step


def _counted_together(state: list[dict[str, Tensor]]) -> tuple[list[Tensor], Callable[[], object]]:
    """Put the steps that an optimizer counts for each parameter into one tensor.

    Returns:
        The count of each parameter, and what counts one more step of all.
    """
    together = torch.stack([one["step"] for one in state])
    counts = list(together.unbind())
    for one, count in zip(state, counts, strict=True):
        one["step"] = count
    if together.device.type != "cpu":
        return counts, partial(together.add_, 1)
    # PyTorch makes a tensor of the 1 each time, which takes longer than the addition.
    values = together.numpy()
    return counts, partial(np.add, values, 1, out=values)


def _sgd(parameters: list[Tensor], state: list[dict[str, Tensor]]) -> _Kernel:
    velocities = [one["momentum_buffer"] for one in state if "momentum_buffer" in one]

    def step(gradients: list[Tensor], group: dict[str, Any]) -> None:
        torch._fused_sgd_(
            parameters,
            gradients,
            velocities,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0.0,
            nesterov=group["nesterov"],
            maximize=False,
            is_first_step=False,
        )

    return step


def _rmsprop(parameters: list[Tensor], state: list[dict[str, Tensor]]) -> _Kernel:
    squares = [one["square_avg"] for one in state]
    _, count_one = _counted_together(state)

    def step(gradients: list[Tensor], group: dict[str, Any]) -> None:
        count_one()
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
        torch._foreach_mul_(squares, group["alpha"])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["alpha"])
        roots = list(torch._foreach_sqrt(squares))
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(parameters, gradients, roots, value=-group["lr"])

    return step


_KERNELS: dict[type, Callable[[list[Tensor], list[dict[str, Tensor]]], _Kernel]] = {
    Adam: _adam,
    AdamW: _adamw,
    SGD: _sgd,
    RMSprop: _rmsprop,
}
