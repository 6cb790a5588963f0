"""The user's networks, losses, optimizers and schedules: plain classes and functions, called with what they take."""

import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from models.errors import ModelError
from models.metrics import user_metric
from models.output_form import Form, Joined
from models.protocols import NetworkConfig, ObjectiveConfig, OptimizerConfig, TrainingConfig
from models.registry import LazyEntry, import_name, is_reference, short_name

_PROBE_ROWS = 2
_PER_BATCH = ("steps_per_epoch", "total_steps")


def network(config: NetworkConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Make the user's network, inputs [n, *input_shape] to outputs [n, outputs], with its lazy layers initialised.

    Raises:
        ModelError: it is not a network, or does not return tensors with a row for each input.
    """
    given = {
        "input_shape": input_shape,
        "in_channels": input_shape[0],
        "in_features": math.prod(input_shape),
        "outputs": outputs,
        "out_features": outputs,
        "num_classes": outputs,
    }
    made = _call(_load(config.network), "network", config, given)
    if not isinstance(made, nn.Module):
        raise ModelError(f"network: {config.network} returns {type(made).__name__}; return a torch.nn.Module")
    if next(made.parameters(), None) is None:
        raise ModelError(
            f"network: {config.network} has no parameters, so there is nothing to train; give it layers with weights, "
            "or an nn.Parameter"
        )
    was_training = made.training
    made.eval()
    with torch.no_grad():
        answer = made(torch.zeros(_PROBE_ROWS, *input_shape))
    made.train(was_training)
    if any(is_lazy(parameter) for parameter in made.parameters()):
        raise ModelError(
            f"network: {config.network} has lazy layers that its forward pass does not reach; call or remove them"
        )
    form = Form.of(answer, _PROBE_ROWS, config.network)
    return made if form.plain else Joined(made, form)


def normalises_batches(made: nn.Module) -> bool:
    """Tell whether a network has batch normalisation, which cannot train on one sample."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in made.modules())


@dataclass(frozen=True)
class UserLoss:
    """The user's loss, and what it says of itself.

    Attributes:
        outputs: how many outputs it needs; None where it does not say.
        loss: outputs as the network returns them, and targets, to a number.
        predict: those outputs to class indices [n] or standardised values [n]; None for the task's usual way.
        metric: predictions and targets, both [n], to a number; None for the task's usual metric.
        metric_name: the metric's name in a record; "" for the task's usual metric.
    """

    outputs: int | None
    loss: Callable[[Any, Tensor], Tensor]
    predict: Callable[[Any], Tensor] | None
    metric: Callable[[Tensor, Tensor], Any] | None
    metric_name: str


def loss(config: ObjectiveConfig, classes: int) -> UserLoss:
    """Make the user's loss: a function of (outputs, targets), or a class whose `loss` method or call is one."""
    component = _load(config.objective)
    chosen = _parameters(component, "objective", config)
    if inspect.isclass(component):
        made = _call(component, "objective", config, {"num_classes": classes})
        compute = getattr(made, "loss", made)
        if not callable(compute):
            raise ModelError(f"objective: {config.objective} has neither a method loss(outputs, targets) nor __call__")
        metric = getattr(made, "metric", None)
        name = user_metric(made) if metric is not None else ""
        return UserLoss(getattr(made, "outputs", None), compute, getattr(made, "predict", None), metric, name)
    if "num_classes" in inspect.signature(component).parameters:
        chosen["num_classes"] = classes
    return UserLoss(None, lambda outputs, targets: component(outputs, targets, **chosen), None, None, "")


def has_user_code(config: TrainingConfig) -> bool:
    """Tell whether any component of a configuration is the user's."""
    return any(map(is_reference, (config.network, config.objective, config.optimizer, config.schedule)))


def is_resumable(config: TrainingConfig) -> bool:
    """Tell whether a snapshot holds all that changes in training, as far as the user's code says so."""
    with_state = filter(is_reference, (config.network, config.optimizer, config.schedule))
    return all(map(state_is_known, with_state)) and (
        not is_reference(config.objective) or state_is_known(config.objective, stateless_function=True)
    )


def state_is_known(reference: str, *, stateless_function: bool = False) -> bool:
    """Tell whether all that changes in a component in training is in its `state_dict`.

    The user's code says so by an attribute `resumable`; all that PyTorch ships does.

    Args:
        reference: to the component.
        stateless_function: whether a plain function keeps no state, as one that computes a loss does not.
    """
    component = _load(reference)
    if stateless_function and inspect.isfunction(component):
        return True
    if str(getattr(component, "__module__", "")).partition(".")[0] == "torch":
        return True
    return bool(getattr(component, "resumable", False))


def optimizer(config: OptimizerConfig, parameters: Any) -> Optimizer:
    """Make the user's optimizer of a network's parameters."""
    rate = config.learning_rate
    given = {"lr": rate, "learning_rate": rate, "weight_decay": config.weight_decay}
    made = _call(_load(config.optimizer), "optimizer", config, given, list(parameters))
    if not isinstance(made, Optimizer):
        raise ModelError(f"optimizer: {config.optimizer} returns {type(made).__name__}; return a torch.optim.Optimizer")
    return made


def call_trainer(config: Any, trial: Any, given: Mapping[str, Any]) -> Any:
    """Call the user's training function with its trial, the configured parameters, and what it takes of the given."""
    return _call(_load(config.trainer), "trainer", config, given, trial)


def beside(reference: str, name: str) -> Any:
    """Find what a module has under a name beside the user's component; None if there is nothing."""
    module = import_module(import_name(reference.partition(":")[0]))
    return getattr(module, name, None)


def call_beside(config: Any, name: str, trial: Any, given: Mapping[str, Any]) -> Any:
    """Call a function beside the training function as `call_trainer` calls that."""
    return _call(beside(config.trainer, name), "trainer", config, given, trial)


def schedule(
    config: OptimizerConfig, over: Optimizer, batches_per_epoch: int
) -> tuple[Callable[[], None] | None, Callable[[float], None] | None, Any]:
    """Make the user's schedule: what to call after a batch and after an epoch, and the schedule itself.

    A schedule that takes `steps_per_epoch` or `total_steps` is stepped after every batch, others after every epoch.
    """
    component = _load(config.schedule)
    total = config.epochs * batches_per_epoch
    given = {
        "epochs": config.epochs,
        "steps_per_epoch": batches_per_epoch,
        "total_steps": total,
        "learning_rate": config.learning_rate,
    }
    made = _call(component, "schedule", config, given, over)
    if not hasattr(made, "step"):
        raise ModelError(f"schedule: {config.schedule} returns {type(made).__name__}, which has no step(); add it")
    if isinstance(made, ReduceLROnPlateau):
        return None, made.step, made
    if any(name in inspect.signature(component).parameters for name in _PER_BATCH):
        # A scheduler that knows the total refuses a step beyond the last batch.
        return lambda: None if made.last_epoch >= total - 1 else made.step(), None, made
    return None, lambda _: made.step(), made


def _load(reference: str) -> Any:
    return LazyEntry(short_name(reference), reference, user_code=True).load()


def _call(component: Any, kind: str, config: Any, given: Mapping[str, Any], *first: Any) -> Any:
    if not callable(component):
        raise ModelError(f"{kind}: {getattr(config, kind)} is a {type(component).__name__}; give a class or function")
    takes = inspect.signature(component).parameters
    supplied = {name: value for name, value in given.items() if name in takes}
    return component(*first, **supplied, **_parameters(component, kind, config))


def _parameters(component: Any, kind: str, config: Any) -> dict[str, Any]:
    """Pick the configured parameters that a component takes."""
    prefix = f"{kind}."
    configured: Mapping[str, Any] = getattr(config, "own", {})
    takes = inspect.signature(component).parameters
    chosen = {}
    for key, value in configured.items():
        name = key.removeprefix(prefix)
        if key.startswith(prefix) and name in takes:
            chosen[name] = _as_taken(value, takes[name].default)
    return chosen


def _as_taken(value: Any, default: Any) -> Any:
    """Return a value as a component with that default takes it.

    A list stands for a tuple, the value of a member of an enum for the member.
    """
    if isinstance(default, tuple):
        return tuple(value)
    if isinstance(default, Enum) and isinstance(default, str | int | float):
        with suppress(ValueError):
            return type(default)(value)
    return value
