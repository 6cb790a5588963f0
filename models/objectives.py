"""Objectives: a loss, the number of outputs that it needs, and how its outputs are read and scored."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models import user_code
from models.errors import ModelError
from models.metrics import metric_spec
from models.output_form import Form
from models.protocols import ObjectiveConfig, ScoredData, Targets
from models.registry import GAUSSIAN, METRICS, OBJECTIVES, Metric, entry, metric_name, objectives_that_predict
from models.transforms import LOG, log_normal_moments, natural_targets

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
