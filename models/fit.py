"""Whether a network's outputs are what its objective needs, found out with two rows before anything is trained."""

import torch

from models import own
from models.errors import ModelError
from models.networks import build_network
from models.objectives import Objective, build_objective
from models.protocols import TrainingConfig, TrainingData
from models.registry import NETWORKS, OBJECTIVES, entry

_ROWS = 2


def check_fit(config: TrainingConfig, data: TrainingData) -> Objective:
    """Return the objective, after the user's own network or loss was tried on two rows of the training part.

    Raises:
        ModelError: the network's outputs do not fit the objective; the message has both shapes.
    """
    objective = build_objective(config, data)
    if not (entry(NETWORKS, config.network).own or entry(OBJECTIVES, config.objective).own):
        return objective
    inputs = torch.tensor(data.train_inputs[:_ROWS])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = build_network(config, tuple(inputs.shape[1:]), objective.outputs).eval()
        outputs = network(inputs)
        form = own.form_of(network, outputs.shape[1])
        objective = build_objective(config, data, form)
        theirs = f"{config.network} gives outputs {form.words(len(inputs))} for inputs {list(inputs.shape)}"
        if not entry(OBJECTIVES, config.objective).own:
            if tuple(outputs.shape) != (len(inputs), objective.outputs):
                raise ModelError(
                    f"network: {theirs}, objective {config.objective} needs {[len(inputs), objective.outputs]}; "
                    "let the network take `outputs` and return as many"
                )
            return objective
        targets = objective.encode(torch.tensor(data.train_targets[:_ROWS]))
        place = f"objective: network {theirs} and targets {list(targets.shape)}; with them {config.objective}"
        try:
            value = objective.loss(outputs, targets)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(f"{place} raises {type(error).__name__}: {_first_line(error)}") from error
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            got = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise ModelError(f"{place} gives {got}; it must give one number, such as a mean over the rows")
        predicted = objective.predict(outputs)
        if tuple(predicted.shape) != (len(inputs),):
            raise ModelError(f"{place} predicts {list(predicted.shape)}; its predict must give one value for each row")
    return objective


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
