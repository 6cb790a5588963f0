"""Puts a process into the same state for every run of a trial."""

import os
import random
import sys


def prepare_process(seed: int, threads: int) -> None:
    """Seed the global generators of Python, NumPy and PyTorch, and set the number of threads.

    Args:
        seed: of the trial.
        threads: that it may use on the CPU.
    """
    random.seed(seed)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
