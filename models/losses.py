"""The built-in losses, each as an objective."""

from collections.abc import Callable
from functools import cache
from math import log, pi

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models.objectives import Objective
from models.protocols import ObjectiveConfig

MINIMUM_VARIANCE = 1e-6


def cross_entropy(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Softmax cross-entropy in nats, optionally with label smoothing."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, label_smoothing=config.label_smoothing)

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        _, rows, _ = outputs.shape
        logarithms = outputs.log_softmax(dim=2)
        nll = logarithms.gather(2, targets.unsqueeze(2)).sum(dim=(1, 2)).div_(-rows)
        # Without smoothing there is no second term: where a logarithm is infinite, zero times it is not a number.
        if not config.label_smoothing:
            return nll, _through_softmax(F.embedding(targets, _by_class(classes, rows, outputs.device)), logarithms)
        is_target = F.embedding(targets, _by_class(classes, 1, outputs.device)) < 0
        share = smoothing.view(-1, 1, 1)
        slope = torch.where(is_target, (share - 1) / rows, 0.0) - share / (rows * classes)
        mean = logarithms.mean(dim=(1, 2))
        return (1 - smoothing) * nll - smoothing * mean, _through_softmax(slope, logarithms)

    return Objective(classes, _unchanged, loss, _largest, probabilities=_softmax, losses=losses)


def mse(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Squared error: of the value in regression, of one-hot targets (two classes: 0 or 1) in classification."""

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        return _squared_errors(outputs, targets)

    if task == "regression":
        return Objective(1, _column, F.mse_loss, _first, losses=losses)
    if classes == 2:
        return Objective(1, _column, F.mse_loss, _above_half, losses=losses)
    return Objective(classes, _one_hot(classes), F.mse_loss, _largest, losses=losses)


def mse_softmax(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Squared error between softmax probabilities and one-hot targets (the Brier score over classes)."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs.softmax(dim=1), targets)

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        probabilities = outputs.softmax(dim=2)
        made, slope = _squared_errors(probabilities, targets)
        return made, torch.ops.aten._softmax_backward_data(slope, probabilities, 2, slope.dtype)

    return Objective(classes, _one_hot(classes), loss, _largest, probabilities=_softmax, losses=losses)


def bce_with_logits(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Binary cross-entropy in nats: one logit for two classes, else one logit per class."""
    loss = F.binary_cross_entropy_with_logits

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        count = outputs.shape[1] * outputs.shape[2]
        slope = outputs.sigmoid().sub_(targets).div_(count)
        return loss(outputs, targets, reduction="none").mean(dim=(1, 2)), slope

    if classes == 2:
        return Objective(1, _column, loss, _above_zero, probabilities=_of_two_classes, losses=losses)
    return Objective(classes, _one_hot(classes), loss, _largest, losses=losses)


def gaussian_nll(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """The negative log-likelihood, in nats per standardised target, of a predicted Gaussian.

    The outputs are the mean and an unbounded number that `variance_link` maps to the variance. The constant
    log(2 pi)/2 is included (Nix and Weigend, 1994, equation 5).
    """

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        mean, variance = outputs[:, :1], gaussian_variance(outputs[:, 1:], config.variance_link)
        return 0.5 * (variance.log() + (targets - mean).square() / variance + log(2 * pi)).mean()

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        raw = outputs[..., 1:]
        variance = gaussian_variance(raw, config.variance_link)
        errors = targets - outputs[..., :1]
        pulls = errors / variance
        squares = errors.mul_(pulls)
        # With v the variance and e the error, twice the loss is log v + e² / v + log 2 pi: by the mean its gradient
        # is -2 e / v, by the variance (1 - e² / v) / v.
        by_variance = (1 - squares).div_(variance).mul_(0.5)
        changes = raw.exp() if config.variance_link == "exp" else raw.sigmoid()
        slope = torch.cat((-pulls, by_variance.mul_(changes)), dim=2).div_(outputs.shape[1])
        return (variance.log_().add_(squares).mean(dim=(1, 2)) + log(2 * pi)).mul_(0.5), slope

    return Objective(2, _column, loss, _first, gaussian=gaussian_moments(config.variance_link), losses=losses)


def gaussian_moments(link: str) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Read a mean and a standard deviation, float64 [n] each, off outputs [n, 2]; for every objective of a Gaussian."""

    def moments(outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[:, 0].double(), gaussian_variance(outputs[:, 1], link).double().sqrt()

    return moments


def gaussian_variance(raw: Tensor, link: str) -> Tensor:
    """Map raw outputs to variances of at least `MINIMUM_VARIANCE`."""
    return (raw.exp() if link == "exp" else F.softplus(raw)) + MINIMUM_VARIANCE


@cache
def _by_class(classes: int, rows: int, device: torch.device) -> Tensor:
    """Return the gradient of the mean cross-entropy of rows by the logarithms of one, [targets, classes].

    It is looked up by the target, not made by `scatter`, which may take the indices in any order on CUDA.
    """
    return torch.where(torch.eye(classes, dtype=torch.bool, device=device), -1 / rows, 0.0)


def _through_softmax(slope: Tensor, logarithms: Tensor) -> Tensor:
    """Turn the gradient by the logarithms of probabilities into that by the outputs, both [members, n, classes]."""
    outputs: Tensor = torch.ops.aten._log_softmax_backward_data(slope, logarithms, 2, slope.dtype)
    return outputs


def _squared_errors(values: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean squared error of each member, [members], and its gradient by the values, [members, n, values]."""
    errors = values - targets
    count = errors.shape[1] * errors.shape[2]
    return errors.square().mean(dim=(1, 2)), errors.mul_(2 / count)


def _unchanged(targets: Tensor) -> Tensor:
    return targets


def _column(targets: Tensor) -> Tensor:
    return targets.to(torch.float32).unsqueeze(1)


def _one_hot(classes: int) -> Callable[[Tensor], Tensor]:
    return lambda targets: F.one_hot(targets, classes).to(torch.float32)


def _largest(outputs: Tensor) -> Tensor:
    return outputs.argmax(dim=1)


def _first(outputs: Tensor) -> Tensor:
    return outputs[:, 0]


def _softmax(outputs: Tensor) -> Tensor:
    return outputs.softmax(dim=1)


def _of_two_classes(outputs: Tensor) -> Tensor:
    second = outputs.sigmoid()
    return torch.cat([1 - second, second], dim=1)


def _above_zero(outputs: Tensor) -> Tensor:
    return (outputs[:, 0] > 0).long()


def _above_half(outputs: Tensor) -> Tensor:
    return (outputs[:, 0] > 0.5).long()
