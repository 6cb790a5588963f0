"""Objectives: a loss, the number of outputs that it needs, and how its outputs are read and scored."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models import user_code
from models.errors import ModelError
from models.metrics import metric_spec
from models.protocols import ObjectiveConfig, ScoredData, Targets
from models.registry import GAUSSIAN, METRICS, OBJECTIVES, Metric, entry, metric_name, objectives_that_predict
from models.transforms import LOG, log_normal_moments, natural_targets
from models.user_code import Form

MINIMUM_VARIANCE = 1e-6

# Of a stack: outputs [members, n, outputs], encoded targets [members, n, …] and the label smoothing [members], to the
# mean loss of each member, [members], and the gradient of each by its outputs, [members, n, outputs].
MembersLosses = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Objective:
    """What is minimised, and how the network's outputs are read.

    Attributes:
        outputs: how many outputs the network must have.
        encode: targets [n] to what the loss compares outputs with; called once for all targets.
        loss: outputs [n, outputs] and encoded targets to the mean loss (scalar).
        predict: outputs [n, outputs] to class indices [n], or to standardised values [n].
        metric: predictions and targets, both [n], to a number; None for the task's usual metric.
        metric_name: the metric's name in `models.metrics`; "" for the task's usual metric.
        gaussian: outputs to mean and standard deviation, float64 [n] each, of a Gaussian of the standardised value;
            None where the registry declares no such distribution.
        probabilities: outputs to the probability of each class, [n, classes]; None where the loss defines none.
        losses: of a stack; None for a user's loss.
    """

    outputs: int
    encode: Callable[[Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    predict: Callable[[Tensor], Tensor]
    metric: Callable[[Tensor, Tensor], Any] | None = None
    metric_name: str = ""
    gaussian: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
    probabilities: Callable[[Tensor], Tensor] | None = None
    losses: MembersLosses | None = None


def build_objective(config: ObjectiveConfig, data: Targets, form: Form | None = None) -> Objective:
    """Build the configured objective for the data's task.

    Args:
        config: names the objective and its options.
        data: says what is predicted.
        form: how the outputs of a user's network are laid out.

    Raises:
        ModelError: the objective is not for this task.
    """
    known = entry(OBJECTIVES, config.objective)
    if known.user_code:
        return _users_objective(config, data.task, data.classes, form)
    if data.task not in known.tasks:
        fitting = [name for name, other in OBJECTIVES.items() if data.task in other.tasks]
        raise ModelError(f"objective: {config.objective} is not for {data.task}; use {', '.join(fitting)}")
    objective: Objective = known.load()(config, data.task, data.classes)
    return objective


def metric_of(objective: Objective, task: str) -> tuple[str, Metric]:
    """Return the name and the specification of the metric that an objective is scored by."""
    name = objective.metric_name or metric_name(task)
    return name, METRICS.get(name) or metric_spec(name)


def _users_objective(config: ObjectiveConfig, task: str, classes: int, form: Form | None) -> Objective:
    """Wrap the user's loss, which gets outputs as the network returned them.

    Targets are class indices [n], or standardised values, [n, 1] where the outputs have a second dimension, else [n].
    """
    theirs = user_code.loss(config, classes)
    outputs = theirs.outputs or classes or 1
    form = form or Form((), ((outputs,),))

    def encode(targets: Tensor) -> Tensor:
        return targets.unsqueeze(1) if task == "regression" and form.shapes[0] else targets

    def loss(joined: Tensor, targets: Tensor) -> Tensor:
        # Copies, since the user's loss may work in place.
        return theirs.loss(form.split(joined.clone()), targets.clone())

    def predict(joined: Tensor) -> Tensor:
        if theirs.predict is not None:
            return theirs.predict(form.split(joined.clone())).reshape(len(joined))
        width = joined.shape[1] if form.plain else math.prod(form.shapes[0])
        if task == "regression":
            return joined[:, 0]
        return joined[:, :width].argmax(dim=1) if width > 1 else (joined[:, 0] > 0).long()

    return Objective(outputs, encode, loss, predict, theirs.metric, theirs.metric_name)


def cross_entropy(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Softmax cross-entropy in nats, optionally with label smoothing."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, label_smoothing=config.label_smoothing)

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
        logarithms = outputs.log_softmax(dim=2)
        chosen: Tensor = _Chosen.apply(logarithms, targets.unsqueeze(2))
        nll = -chosen.mean(dim=(1, 2))
        # Without smoothing there is no second term: where a logarithm is infinite, zero times it is not a number.
        return nll if not config.label_smoothing else (1 - smoothing) * nll - smoothing * logarithms.mean(dim=(1, 2))

    return Objective(classes, _unchanged, loss, _largest, probabilities=_softmax, losses=_differentiated(losses))


def mse(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Squared error: of the value in regression, of one-hot targets (two classes: 0 or 1) in classification."""

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        errors = outputs - targets
        count = errors.shape[1] * errors.shape[2]
        return errors.square().mean(dim=(1, 2)), errors.mul_(2 / count)

    if task == "regression":
        return Objective(1, _column, F.mse_loss, _first, losses=losses)
    if classes == 2:
        return Objective(1, _column, F.mse_loss, _above_half, losses=losses)
    return Objective(classes, _one_hot(classes), F.mse_loss, _largest, losses=losses)


def mse_softmax(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Squared error between softmax probabilities and one-hot targets (the Brier score over classes)."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs.softmax(dim=1), targets)

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
        return (outputs.softmax(dim=2) - targets).square().mean(dim=(1, 2))

    return Objective(classes, _one_hot(classes), loss, _largest, probabilities=_softmax, losses=_differentiated(losses))


def bce_with_logits(config: ObjectiveConfig, task: str, classes: int) -> Objective:
    """Binary cross-entropy in nats: one logit for two classes, else one logit per class."""
    loss = F.binary_cross_entropy_with_logits

    def losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
        return loss(outputs, targets, reduction="none").mean(dim=(1, 2))

    if classes == 2:
        return Objective(1, _column, loss, _above_zero, probabilities=_of_two_classes, losses=_differentiated(losses))
    return Objective(classes, _one_hot(classes), loss, _largest, losses=_differentiated(losses))


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


def score(objective: Objective, outputs: Tensor, targets: Tensor, data: ScoredData) -> float:
    """Score outputs [n, outputs]: accuracy in percent, root mean squared error in the target's unit, or the user's."""
    predictions = objective.predict(outputs)
    if data.task == "classification":
        if objective.metric is not None:
            return float(objective.metric(predictions, targets))
        return 100.0 * int((predictions == targets).sum()) / len(targets)
    if objective.metric is not None:
        return float(objective.metric(predicted_values(objective, outputs, data), _in_units(targets, data)))
    if data.target_transform == LOG:
        errors = predicted_values(objective, outputs, data) - _in_units(targets, data)
        return float(errors.square().mean().sqrt())
    squared = (predictions.double() - targets.double()).square().mean()
    return float(squared.sqrt()) * data.target_std


def predicted_values(objective: Objective, outputs: Tensor, data: ScoredData) -> Tensor:
    """Return the predictions of a regression in the target's unit, float64 [n], for outputs [n, outputs].

    Under a log target a prediction is the exponential of the predicted logarithm, which is a median; a predicted
    Gaussian of the logarithm is a log-normal distribution, whose mean it is (see `predicted_moments`).
    """
    if data.target_transform == LOG and objective.gaussian is not None:
        return predicted_moments(objective, outputs, data)[0]
    return _in_units(objective.predict(outputs), data)


def predicted_moments(objective: Objective, outputs: Tensor, data: ScoredData) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation, float64 [n] in the target's unit, of the predicted distribution.

    The mean is the prediction that minimises the squared error (Gneiting, 2011, Making and evaluating point
    forecasts).
    """
    if objective.gaussian is None:
        raise ModelError(f"objective: predicts no distribution; use {', '.join(objectives_that_predict(GAUSSIAN))}")
    mean, std = objective.gaussian(outputs)
    mean, std = mean * data.target_std + data.target_mean, std * data.target_std
    return log_normal_moments(mean, std) if data.target_transform == LOG else (mean, std)


def _in_units(values: Tensor, data: ScoredData) -> Tensor:
    return natural_targets(values.double() * data.target_std + data.target_mean, data.target_transform)


class _Chosen(torch.autograd.Function):
    """Of [members, n, classes], the values of classes [members, n, 1].

    As `gather`, whose deterministic gradient on CUDA sorts the indices.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, classes: Tensor) -> Tensor:
        context.save_for_backward(classes)
        context.count = values.shape[2]
        return values.gather(2, classes)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None]:
        (classes,) = context.saved_tensors
        chosen = classes == torch.arange(context.count, device=classes.device)
        return torch.where(chosen, slope, 0.0), None


def _differentiated(losses: Callable[[Tensor, Tensor, Tensor], Tensor]) -> MembersLosses:
    """Let autograd find the gradient."""

    def with_slope(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            given = outputs.detach().requires_grad_()
            made = losses(given, targets, smoothing)
            (slope,) = torch.autograd.grad([made], [given], [torch.ones_like(made)])
        return made.detach(), slope

    return with_slope


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
