"""Times networks of rising size, each by itself and as a member of a stack, on this machine.

As in a run, all cores do so at once: they share the memory, which decides for the larger networks.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.engine import train
from models.networks import multiplications
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from tune_jobs.ledger import provenance
from tune_jobs.stacking.rule import Rule
from tune_jobs.trial.config import TrialConfig

# Width, inputs and batch size of a network with two hidden layers: from a toy problem to more than MNIST takes.
_NETWORKS = ((16, 8, 16), (64, 64, 16), (128, 256, 16), (128, 784, 16), (256, 784, 16))
_MEMBERS = 8
# Of each network, the batches of an epoch; smaller ones need more of them to be timed.
_BATCHES = (48, 40, 24, 16, 10)
_MOST_SECONDS = 120.0
# The fastest counts: what else the machine does makes some slower.
_EPOCHS = 4


@dataclass(frozen=True)
class _Data:
    """Random rows of ten classes."""

    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.generic]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[np.generic]
    task: str = "classification"
    classes: int = 10
    target_mean: float = 0.0
    target_std: float = 1.0
    target_transform: str = "none"


def measure_rule(device: str = "cpu", processes: int = 1) -> Rule | None:
    """Measure what stacking gains on this machine, in some seconds; None if that fails.

    Args:
        device: "cpu" or "cuda".
        processes: how many measure at once; the mean of their ratios counts.
    """
    command = [sys.executable, "-m", __name__, device]
    started: list[subprocess.Popen[str]] = []
    try:
        for _ in range(processes):
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        found = [json.loads(process.communicate(timeout=_MOST_SECONDS)[0]) for process in started]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    finally:
        for process in started:
            process.kill()
            process.wait()
    sizes = tuple(size for size, _ in found[0])
    ratios = tuple(
        sum(ratios) / processes for ratios in zip(*([ratio for _, ratio in one] for one in found), strict=True)
    )
    return Rule(provenance.machine_kind(device, 1), sizes, ratios)


def _points(device: str) -> Iterator[tuple[float, float]]:
    """Yield the multiplications of a step of each network, and what a member takes to what it takes by itself."""
    for (units, inputs, batch), batches in zip(_NETWORKS, _BATCHES, strict=True):
        config = TrialConfig(network="mlp", hidden_layers=2, hidden_units=units, batch_size=batch, epochs=_EPOCHS)
        data = _drawn(batches * batch, inputs)
        alone = train(config, [0], data, device=device)[0].history.train_seconds
        members = [(seed, Request(config, seed, data)) for seed in range(_MEMBERS)]
        together = dict(train_stacked(members, width=_MEMBERS, device=device))[0].history.train_seconds
        size = batch * multiplications(config, (inputs,), data.classes)
        yield float(size), _fastest_epoch(together) / _fastest_epoch(alone)


def _drawn(rows: int, inputs: int) -> _Data:
    generator = np.random.default_rng(0)
    drawn = generator.random((rows, inputs), dtype=np.float32)
    targets = generator.integers(_Data.classes, size=rows)
    return _Data(drawn, targets, drawn[:16], targets[:16])


def _fastest_epoch(cumulative: Sequence[float]) -> float:
    """Return the shortest epoch after the first, which also warms up."""
    return min(after - before for before, after in pairwise(cumulative))


if __name__ == "__main__":
    print(json.dumps(list(_points(sys.argv[1]))))
