"""Whether a network's outputs are what its objective needs, tried on two rows before anything is trained."""

import torch

from models.errors import ModelError
from models.networks import build_network
from models.objectives import Objective, build_objective
from models.output_form import form_of
from models.protocols import TrainingConfig, TrainingData
from models.registry import is_reference

_ROWS = 2


def check_outputs(config: TrainingConfig, data: TrainingData) -> Objective:
    """Return the objective; a user's network or loss is tried on two rows of the training part first.

    Raises:
        ModelError: the network's outputs do not fit the objective; the message has both shapes.
    """
    objective = build_objective(config, data)
    if not (is_reference(config.network) or is_reference(config.objective)):
        return objective
    inputs = torch.tensor(data.train_inputs[:_ROWS])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = build_network(config, tuple(inputs.shape[1:]), objective.outputs).eval()
        outputs = network(inputs)
        form = form_of(network, outputs.shape[1])
        objective = build_objective(config, data, form)
        given = f"{config.network} gives outputs {form.words(len(inputs))} for inputs {list(inputs.shape)}"
        if is_reference(config.objective):
            targets = objective.encode(torch.tensor(data.train_targets[:_ROWS]))
            _try_loss(config, objective, outputs, targets, given)
        elif tuple(outputs.shape) != (len(inputs), objective.outputs):
            raise ModelError(
                f"network: {given}, objective {config.objective} needs {[len(inputs), objective.outputs]}; "
                "let the network take `outputs` and return as many"
            )
    return objective


def _try_loss(
    config: TrainingConfig, objective: Objective, outputs: torch.Tensor, targets: torch.Tensor, given: str
) -> None:
    """Compute the user's loss and predictions of outputs [n, outputs]; `given` says which network gives them."""
    place = f"objective: network {given} and targets {list(targets.shape)}; with them {config.objective}"
    try:
        value = objective.loss(outputs, targets)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ModelError(f"{place} raises {type(error).__name__}: {_first_line(error)}") from error
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        got = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ModelError(f"{place} gives {got}; it must give one number, such as a mean over the rows")
    predicted = objective.predict(outputs)
    if tuple(predicted.shape) != (len(outputs),):
        raise ModelError(f"{place} predicts {list(predicted.shape)}; its predict must give one value for each row")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
