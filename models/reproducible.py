"""What the numbers of a training depend on besides its configuration: torch's settings and the seeds of generators."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from models.deferred_compiler import deterministic

# What random numbers are drawn for: weights and dropout, the order of the rows, augmentation.
WEIGHTS, SHUFFLING, AUGMENTATION = 0, 1, 2


@contextmanager
def reproducible(threads: int, device: torch.device, *, filled: bool = False) -> Iterator[None]:
    """Set what the numbers depend on besides the configuration, and restore it afterwards.

    With one thread, denormal numbers are flushed to zero: that has no visible effect, and saturated networks train
    several times faster. With more threads they are not: only pool threads that start under the setting have it, so
    the numbers would depend on what ran before.

    Args:
        threads: of torch.
        device: to train on.
        filled: whether new tensors are filled before they are written, which takes time. The shipped code reads none
            before that; the user's may.
    """
    on_cuda = device.type == "cuda"
    if on_cuda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads_before = torch.get_num_threads()
    memory: Any = torch.utils.deterministic
    filled_before = memory.fill_uninitialized_memory
    flushed_before = float(torch.tensor(1e-40) * 0.5) == 0
    try:
        torch.set_num_threads(threads)
        memory.fill_uninitialized_memory = filled
        torch.set_flush_denormal(threads == 1)
        # Only the device in use: reading another device's state would allocate memory on it.
        with deterministic(), torch.random.fork_rng(devices=[device] if on_cuda else []):
            yield
    finally:
        torch.set_flush_denormal(flushed_before)
        memory.fill_uninitialized_memory = filled_before
        torch.set_num_threads(threads_before)


def derived_seed(seed: int, purpose: int) -> int:
    """Derive a 64-bit seed for `WEIGHTS`, `SHUFFLING` or `AUGMENTATION`."""
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1, np.uint64)[0])


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Seed the generators that weights (CPU) and dropout (the device) are drawn from, and no other device's."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
