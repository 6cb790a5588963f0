"""One step of training on a few rows, before anything is trained: does every component do its part?"""

from collections.abc import Callable
from typing import Any

import torch

from models.device_data import DeviceData
from models.errors import ModelError
from models.learner import batch_bounds, update
from models.networks import build_network
from models.optimizer_step import OptimizerStep
from models.optimizers import build_optimizer
from models.output_check import check_outputs
from models.protocols import TrainingConfig, TrainingData
from models.registry import is_reference
from models.reproducible import WEIGHTS, derived_seed, reproducible, seed_global_generators
from models.schedules import build_schedule
from models.user_code import has_user_code, normalises_batches

# Components that can fail, and where.
NETWORK, OBJECTIVE, OPTIMIZER, SCHEDULE = "network", "objective", "optimizer", "schedule"


class RehearsalError(Exception):
    """A component raised; the exception is its cause.

    Attributes:
        component: `NETWORK`, `OBJECTIVE`, `OPTIMIZER` or `SCHEDULE`.
        where: "in the forward pass", for example.
    """

    def __init__(self, component: str, where: str) -> None:
        super().__init__(component, where)
        self.component = component
        self.where = where


def rehearse(config: TrainingConfig, data: TrainingData, rows: int) -> None:
    """Train one batch on the CPU: forward, loss, backward, and a step of the user's optimizer or schedule.

    Ours step in any case; making them takes seconds, in which PyTorch imports its compiler.

    Args:
        config: what to train.
        data: a few rows of the training part, and at least one of the validation part.
        rows: of the whole training part.

    Raises:
        ModelError: a network, a loss or an optimizer is not what the engine needs; the message has the rule.
        RehearsalError: one of them raises.
    """
    with reproducible(config.threads, torch.device("cpu"), filled=has_user_code(config)):
        _Rehearsal().of(config, data, rows)


class _Rehearsal:
    """Keeps in mind which component is at work."""

    def __init__(self) -> None:
        self._at = (NETWORK, "when it is made or called")

    def of(self, config: TrainingConfig, data: TrainingData, rows: int) -> None:
        try:
            self._train(config, data, rows)
        except ModelError:
            raise
        except Exception as error:
            raise RehearsalError(*self._at) from error

    def _train(self, config: TrainingConfig, data: TrainingData, rows: int) -> None:
        part = DeviceData.on_device(config, data, check_outputs(config, data), torch.device("cpu"))
        seed_global_generators(derived_seed(0, WEIGHTS), part.device)
        network = build_network(config, part.input_shape, part.objective.outputs)
        forward = self._noted(network.train(), NETWORK, "in the forward pass, in training mode", NETWORK, "")
        compute_loss = self._noted(
            part.objective.loss, OBJECTIVE, "when it is computed", NETWORK, "in the backward pass"
        )
        if not (is_reference(config.optimizer) or is_reference(config.schedule)):
            compute_loss(forward(part.train.inputs), part.train.encoded).backward()
            return
        self._at = (OPTIMIZER, "when it is made")
        optimizer = build_optimizer(config, network.parameters())
        self._at = (SCHEDULE, "when it is made")
        batches = batch_bounds(rows, config.batch_size, normalises_batches(network))
        schedule = build_schedule(config, optimizer, len(batches))
        loss_then_step = self._noted(
            part.objective.loss,
            OBJECTIVE,
            "when it is computed",
            OPTIMIZER,
            "in the backward pass or the step that follows",
        )
        step = OptimizerStep(optimizer, direct=False)
        _, loss = update(step, forward, loss_then_step, part.train.inputs, part.train.encoded)
        self._at = (SCHEDULE, "in its step")
        schedule.after_batch()
        schedule.after_epoch(float(loss))

    def _noted(self, function: Callable[..., Any], component: str, where: str, then: str, then_where: str) -> Any:
        """Note that a component is at work while a function of it runs, and which is after it."""

        def called(*arguments: Any) -> Any:
            self._at = (component, where)
            found = function(*arguments)
            self._at = (then, then_where)
            return found

        return called
