"""Small golden histories, and their bits on each kind of machine that made them.

`python tests/models/golden.py` rewrites `golden.json`, after a version in `models.version.ENGINE_VERSIONS` was raised.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from models.version import ENGINE_VERSIONS, SINGLE, STACKED  # noqa: E402 - found from the root

PATH = Path(__file__).with_name("golden.json")
CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate")
CASES: dict[str, dict[str, Any]] = {
    "mlp_adam": {"hidden_layers": 2},
    # So many weights that each member of a stack has an optimizer of its own, and gradients one after another.
    "mlp_wide": {"hidden_units": 1100, "learning_rate": 0.003},
    "cnn_mse": {"network": "cnn", "hidden_layers": 2, "objective": "mse"},
    "cnn_dropout_batch_norm": {"network": "cnn", "dropout": 0.2, "batch_norm": True, "activation": "gelu"},
    "nesterov_step": {"optimizer": "nesterov", "schedule": "step", "decay_every": 1, "learning_rate": 0.05},
    "rmsprop_cosine": {"optimizer": "rmsprop", "schedule": "cosine", "weight_decay": 0.01},
    "momentum_bce": {"optimizer": "momentum", "objective": "bce_with_logits", "weight_decay": 0.001},
    "sgd_gaussian_nll": {"optimizer": "sgd", "objective": "gaussian_nll", "schedule": "plateau", "learning_rate": 0.01},
    "adamw_one_cycle": {"optimizer": "adamw", "schedule": "one_cycle", "activation": "tanh"},
}


def machine() -> str:
    """Describe what the bits depend on: instruction set, processor, torch version.

    The processor's family, model and cache size matter too: its name may be as general as "AMD EPYC", and the
    libraries that torch calls choose their blocks by them.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    first = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    processor = [first.get(name, "") for name in ("vendor_id", "cpu family", "model", "model name", "cache size")]
    capability = torch.backends.cpu.get_cpu_capability()
    return ", ".join([platform.machine(), capability, *processor, f"torch {torch.__version__}"])


def histories() -> dict[str, dict[str, list[float]]]:
    """Train every case; return its curves, and under "stacked NAME" those of the case as a member of a stack."""
    sys.path.insert(0, str(PATH.parent))
    from conftest import generate

    from models.engine import train
    from models.registry import OBJECTIVES
    from models.stacking.engine import train_stacked
    from models.stacking.member import Request
    from models.stacking.shape import shape_of
    from tune_jobs.trial.config import TrialConfig

    images, table = generate(), generate(shape=(4,), classes=0)
    found = {}
    for name, fields in CASES.items():
        config = TrialConfig(**{"hidden_units": 8, "batch_size": 16, "epochs": 3, **fields})
        data = images if "classification" in OBJECTIVES[config.objective].tasks else table
        trained = {name: train(config, [11], data)[0]}
        if shape_of(config, data) is not None:
            trained |= dict(train_stacked([(f"stacked {name}", Request(config, 11, data))]))
        for way, one in trained.items():
            found[way] = {curve: getattr(one.history, curve) for curve in CURVES}
    return found


def bits(curves: dict[str, list[float]]) -> str:
    """Hash every bit of the curves."""
    return hashlib.sha256(b"".join(np.array(curves[name]).tobytes() for name in CURVES)).hexdigest()


def mode_of(name: str) -> str:
    """Return the execution mode of a history."""
    return STACKED if name.startswith("stacked ") else SINGLE


if __name__ == "__main__":
    made = histories()
    stored = json.loads(PATH.read_text())
    raised = {mode for mode, version in ENGINE_VERSIONS.items() if version != stored["engine_versions"][mode]}
    # Those of other kinds of machines hold as long as the version and the case do.
    same = {name for name, fields in CASES.items() if stored["cases"].get(name) == fields}
    kept = {
        other: {
            name: one
            for name, one in found.items()
            if mode_of(name) not in raised and name.removeprefix("stacked ") in same
        }
        for other, found in stored["bits"].items()
    }
    content = {
        "engine_versions": dict(ENGINE_VERSIONS),
        "cases": CASES,
        "bits": {**kept, machine(): {name: bits(curves) for name, curves in made.items()}},
        "histories": made,
    }
    PATH.write_text(json.dumps(content, indent=1) + "\n")
