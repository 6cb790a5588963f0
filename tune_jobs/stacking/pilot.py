"""Times networks of rising size, each by itself and as a member of a stack, on this machine.

As in a run, all cores do so at once: they share the memory, which decides for the larger networks.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from models.array_data import ArrayData
from models.engine import train
from models.networks import multiplications
from models.stacking.engine import train_stacked
from models.stacking.member import Request
from tune_jobs.ledger import provenance
from tune_jobs.stacking.memory import Peak, training_bytes
from tune_jobs.trial.config import TrialConfig

# Width, inputs and batch size of a network with two hidden layers: from a toy problem to more than MNIST takes.
_NETWORKS = ((16, 8, 16), (64, 64, 16), (128, 256, 16), (128, 784, 16), (256, 784, 16))
_CLASSES = 10
_MEMBERS = 8
# Of the stack whose memory is compared with that of one with `_MEMBERS`.
_MORE_MEMBERS = 16
# Of each network, the batches of an epoch; smaller ones need more of them to be timed.
_BATCHES = (48, 40, 24, 16, 10)
# The fastest counts: what else the machine does makes some slower.
_EPOCHS = 4


def _found(device: str) -> dict[str, Any]:
    """Measure in this process; on a GPU its memory too."""
    found: dict[str, Any] = {"points": [], "peaks": []}
    if device == "cuda":
        found["free"] = torch.cuda.mem_get_info()[0]
        found["peaks"] = [asdict(peak) for peak in peaks(device)]
    return {**found, "points": list(_points(device))}


def peaks(device: str) -> Iterator[Peak]:
    """Yield the memory that stacks of two widths take, for each network."""
    for (units, inputs, batch), batches in zip(_NETWORKS, _BATCHES, strict=True):
        config = TrialConfig(network="mlp", hidden_layers=2, hidden_units=units, batch_size=batch, epochs=_EPOCHS)
        data = _drawn(batches * batch, inputs)
        taken = []
        for width in (_MEMBERS, _MORE_MEMBERS):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            _train_stack(config, data, width, device)
            taken.append(float(torch.cuda.max_memory_allocated()))
        yield Peak(training_bytes(config, (inputs,), data.classes), _MEMBERS, _MORE_MEMBERS, *taken)


def _train_stack(config: TrialConfig, data: ArrayData, width: int, device: str) -> Sequence[float]:
    """Train a stack; return the times of its first member, since the start of its training."""
    members = [(seed, Request(config, seed, data)) for seed in range(width)]
    return dict(train_stacked(members, width=width, device=device))[0].history.train_seconds


def _points(device: str) -> Iterator[tuple[float, float]]:
    """Yield the multiplications of a step of each network, and what a member takes to what it takes by itself."""
    for (units, inputs, batch), batches in zip(_NETWORKS, _BATCHES, strict=True):
        config = TrialConfig(network="mlp", hidden_layers=2, hidden_units=units, batch_size=batch, epochs=_EPOCHS)
        data = _drawn(batches * batch, inputs)
        alone = train(config, [0], data, device=device)[0].history.train_seconds
        together = _train_stack(config, data, _MEMBERS, device)
        size = batch * multiplications(config, (inputs,), data.classes)
        yield float(size), _fastest_epoch(together) / _fastest_epoch(alone)


def _drawn(rows: int, inputs: int) -> ArrayData:
    generator = np.random.default_rng(0)
    drawn = generator.random((rows, inputs), dtype=np.float32)
    targets = generator.integers(_CLASSES, size=rows)
    return ArrayData(drawn, targets, drawn[:16], targets[:16], "classification", _CLASSES)


def _fastest_epoch(cumulative: Sequence[float]) -> float:
    """Return the shortest epoch after the first, which also warms up."""
    return min(after - before for before, after in pairwise(cumulative))


def _kind(device: str) -> str:
    """Say on what kind of machine this process measures; "" if the device is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        return ""
    return provenance.machine_kind(device, 1)


if __name__ == "__main__":
    device = sys.argv[1]
    print(json.dumps({"machine_kind": _kind(device)} if sys.argv[2:] == ["--kind"] else _found(device)))
