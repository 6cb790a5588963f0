"""What processes with the user's code are asked, and what they answer: plain values, and values of this project.

Nothing here is called in a process that outlives the question.
"""

import importlib
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_utils import TestData, TrialData, describe
from data_utils.declared import Declaration
from data_utils.registry import DatasetInfo
from models.errors import ModelError
from models.networks import build_network
from models.output_check import check_outputs
from models.registry import is_reference
from models.rehearsal import RehearsalError, rehearse
from models.saved import from_bytes
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.own_builtins import OwnBuiltins
from tune_jobs.isolation.server import can_open_files, threads
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.fields import is_plain
from tune_jobs.user_code.code_process import Imported, Surroundings
from tune_jobs.user_code.modules import Code, load_reference
from tune_jobs.user_code.parameters import OPAQUE, REQUIRED, Parameters, parameters_of
from tune_jobs.user_code.side_effects import ProcessState

# The user's code may replace it.
_uses_gpu: Callable[[], bool] = torch.cuda.is_initialized


def import_library(name: str) -> None:
    """Import a library before any code of the user; forks have it too."""
    importlib.import_module(name)


def import_all(around: Surroundings, code: Code, references: Sequence[str]) -> Imported:
    """Import what references name; the first thing that a process with the user's code does."""
    os.environ.clear()
    os.environ.update(around.environment)
    sys.path[:] = around.path
    if around.folder is not None:
        os.chdir(around.folder)
    # Modules that draw from these as they are imported get the same numbers in every process.
    random.seed(0)
    np.random.seed(0)
    before, running = ProcessState.now(), threads()
    for reference in references:
        load_reference(reference, code)
    with OwnBuiltins():
        forkable = threads() == running and not _uses_gpu() and can_open_files()
        return Imported(forkable, tuple(before.changes(ProcessState.now())))


def parameters(code: Code, kind: str, reference: str) -> Parameters:
    """Read the parameters of a component; a default that is no plain value is left out, as `OPAQUE`."""
    with OwnBuiltins():
        found = parameters_of(load_reference(reference, code), kind, reference)
        defaults = {
            name: value if value is REQUIRED or is_plain(value) else OPAQUE for name, value in found.defaults.items()
        }
        return replace(found, defaults=defaults)


def described(declaration: Declaration, folders: Sequence[Path], options: Mapping[str, Any]) -> DatasetInfo:
    """Describe a dataset that a function of the user returns."""
    return describe(declaration, folders=folders, options=options)


@dataclass(frozen=True)
class Rehearsed:
    """How the rehearsal of a configuration went.

    Attributes:
        changes: what it changed in the process, in words.
        component: that raised, such as "network"; "" if none did.
        where: it raised: "in the forward pass".
        failure: what it raised.
    """

    changes: tuple[str, ...]
    component: str = ""
    where: str = ""
    failure: Failure | None = None


def check_fit(config: TrialConfig, data: TrialData, rows: int) -> Rehearsed:
    """Train one step on the first rows of a training part of so many.

    Raises:
        ModelError: the loss cannot take the network's outputs.
    """
    before = ProcessState.now()
    if is_reference(config.network) and not is_reference(config.objective):
        _check_training_outputs(config, data)
    try:
        rehearse(config, data, rows)
    except RehearsalError as error:
        failure = Failure.of(error.__cause__ or error)
        return Rehearsed(_changes(before), error.component, error.where, failure)
    return Rehearsed(_changes(before))


def _changes(before: ProcessState) -> tuple[str, ...]:
    return tuple(before.changes(ProcessState.now()))


def _check_training_outputs(config: TrialConfig, data: TrialData) -> None:
    """Check what a user's network returns while it trains, which may differ: a loss of ours takes a single tensor."""
    try:
        outputs = check_outputs(config, data).outputs
        inputs = torch.tensor(data.train_inputs)
        network = build_network(config, tuple(inputs.shape[1:]), outputs).train()
        with torch.no_grad():
            found = network(inputs)
    except ModelError:
        raise
    except Exception:  # the rehearsal says where
        return
    if isinstance(found, torch.Tensor) and tuple(found.shape) == (len(inputs), outputs):
        return
    got = list(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
    raise ModelError(
        f"network: {config.network} returns {got} for inputs {list(inputs.shape)} while it trains, objective "
        f"{config.objective} needs {[len(inputs), outputs]}; let forward return as many outputs as in evaluation"
    )


def score(content: bytes, trusted: Sequence[str], data: TestData) -> tuple[float, float]:
    """Load a trained network; return metric and loss on a test part."""
    return from_bytes(content, trusted).score(data, data.inputs, data.targets)
