"""Studies whose ledger keeps what predictions are compared with, and their figures."""

from typing import Any

import numpy as np

from analysis.figures.registry import drawing
from tune_jobs.ledger.targets import targets_name, write_targets

TOY = """\
base: {dataset: toy, hidden_units: 4, epochs: 3, objective: mse}
tables:
  - {factor: activation, levels: [relu, tanh, sigmoid], figures: [decision_boundary]}
"""
GAUSSIAN = """\
base: {dataset: diabetes, hidden_units: 4, epochs: 3, objective: gaussian_nll}
tables:
  - {factor: activation, levels: [relu, tanh]}
  - name: objective
    factor: objective
    levels: [gaussian_nll, mse]
"""


def keep(ran: Any, inputs: int, **more: Any) -> Any:
    """Keep what predictions are compared with: inputs and targets that alternate between two values."""
    name = targets_name("f" * 64, ran.study.config())
    arrays = {
        "targets": np.array([1, 0] * 3),
        "inputs": np.stack([np.linspace(-1, 1, 6)] * inputs, axis=1),
        "input_offset": np.full(inputs, 10.0),
        "input_scale": np.full(inputs, 2.0),
    }
    write_targets(ran.ledger.storage, name, {**arrays, **more})
    return ran


def keep_gaussians(ran: Any) -> Any:
    return keep(ran, 10, target_mean=np.array(150.0), target_std=np.array(80.0))


def drawn(ran: Any, kind: str, table: str = "activation") -> Any:
    return drawing(kind)(ran.view(table), ran.evidence)
