"""The optimizers of a stack: each updates all members at once, every member with its own hyperparameters.

The formulas are those of `torch.optim`. A stack's weights are the rows of a table [places, weights], and so is what an
optimizer keeps of each weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BETAS, _EPSILON, _SMOOTHING = (0.9, 0.999), 1e-8, 0.99


class Hyperparameters:
    """The hyperparameters of a stack, float64 [places] each.

    Attributes:
        learning_rate, momentum, weight_decay: of each place.
        steps: how many each place has done.
        decays: whether there is weight decay.
    """

    def __init__(self, places: int, *, decays: bool) -> None:
        self.learning_rate, self.momentum, self.weight_decay, self.steps = np.zeros((4, places))
        self.decays = decays


@dataclass(frozen=True)
class Update:
    """How an optimizer updates.

    Attributes:
        state: names of the tables that it keeps.
        prepare: hyperparameters to what a step needs of them, float64 [places] each.
        apply: changes weights, gradients, and what is kept, all [places, weights], in place; what `prepare` gives
            comes as columns [places, 1].
        decouples: whether weight decay acts on the weights directly, rather than through the gradient.
    """

    state: tuple[str, ...]
    prepare: Callable[[Hyperparameters], Sequence[NDArray[np.float64]]]
    apply: Callable[..., None]
    decouples: bool = False


def prepared(update: Update, given: Hyperparameters) -> NDArray[np.float32]:
    """Count a step; return what it needs of the hyperparameters, [values, places], for `step`."""
    given.steps += 1
    return np.stack([*update.prepare(given), given.weight_decay]).astype(np.float32)


def step(
    update: Update, *, decays: bool, weights: Tensor, gradients: Tensor, state: Sequence[Tensor], wanted: Tensor
) -> None:
    """Update the weights of all places.

    Args:
        update: of the optimizer.
        decays: whether there is weight decay.
        weights: [places, weights].
        gradients: of the same shape; they are overwritten.
        state: what the optimizer keeps, of the same shape.
        wanted: what `prepared` returned.
    """
    *values, decay = wanted.unsqueeze(2).unbind()
    if decays and not update.decouples:
        gradients.addcmul_(weights, decay)
    update.apply(weights, gradients, *state, *values)


_Prepared = Sequence[NDArray[np.float64]]


def _rate(given: Hyperparameters) -> _Prepared:
    return (given.learning_rate,)


def _rate_and_momentum(given: Hyperparameters) -> _Prepared:
    return given.learning_rate, given.momentum


def _sgd(weight: Tensor, slope: Tensor, rate: Tensor) -> None:
    weight.sub_(slope.mul_(rate))


def _momentum(weight: Tensor, slope: Tensor, velocity: Tensor, rate: Tensor, momentum: Tensor) -> None:
    velocity.mul_(momentum).add_(slope)
    weight.sub_(torch.mul(velocity, rate, out=slope))


def _nesterov(weight: Tensor, slope: Tensor, velocity: Tensor, rate: Tensor, momentum: Tensor) -> None:
    velocity.mul_(momentum).add_(slope)
    weight.sub_(slope.addcmul_(velocity, momentum).mul_(rate))


def _bias_corrections(given: Hyperparameters) -> _Prepared:
    """The size of a step, and the root of the second moment's correction (Kingma and Ba, 2015, section 2)."""
    first, second = (1 - beta ** np.maximum(given.steps, 1) for beta in _BETAS)
    return given.learning_rate / first, np.sqrt(second)


def _decay_and_corrections(given: Hyperparameters) -> _Prepared:
    return 1 - given.learning_rate * given.weight_decay, *_bias_corrections(given)


def _square_root(values: Tensor, *, out: Tensor) -> Tensor:
    """Take square roots.

    On a CPU by NumPy: PyTorch calls a library for it that takes up to 15 times as long on zeros and on tiny numbers,
    which the second moments of a network with units that do nothing are.
    """
    if values.is_cuda:
        return torch.sqrt(values, out=out)
    np.sqrt(values.numpy(), out=out.numpy())
    return out


def _adam(weight: Tensor, slope: Tensor, mean: Tensor, square: Tensor, size: Tensor, root: Tensor) -> None:
    mean.lerp_(slope, 1 - _BETAS[0])
    square.mul_(_BETAS[1]).addcmul_(slope, slope, value=1 - _BETAS[1])
    denominator = _square_root(square, out=slope).div_(root).add_(_EPSILON)
    weight.sub_(torch.div(mean, denominator, out=slope).mul_(size))


def _adamw(
    weight: Tensor, slope: Tensor, mean: Tensor, square: Tensor, shrink: Tensor, size: Tensor, root: Tensor
) -> None:
    weight.mul_(shrink)
    _adam(weight, slope, mean, square, size, root)


def _rmsprop(weight: Tensor, slope: Tensor, square: Tensor, rate: Tensor) -> None:
    square.mul_(_SMOOTHING).addcmul_(slope, slope, value=1 - _SMOOTHING)
    denominator = _square_root(square, out=torch.empty_like(square)).add_(_EPSILON)
    weight.sub_(slope.div_(denominator).mul_(rate))


UPDATES = {
    "sgd": Update((), _rate, _sgd),
    "momentum": Update(("velocity",), _rate_and_momentum, _momentum),
    "nesterov": Update(("velocity",), _rate_and_momentum, _nesterov),
    "adam": Update(("mean", "square"), _bias_corrections, _adam),
    "adamw": Update(("mean", "square"), _decay_and_corrections, _adamw, decouples=True),
    "rmsprop": Update(("square",), _rate, _rmsprop),
}
