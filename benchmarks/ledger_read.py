"""How long a ledger of many trials takes to read: a file for each trial against compacted packs.

    python benchmarks/ledger_read.py [TRIALS]

Prints the median and the range of several readings, the machine and the versions. As in the USPS study, each trial has
30 epochs and predictions of 1,291 × 10 outputs.
"""

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage

REPEATS = 5
EPOCHS = 30


def made_up(seed: int, generator: np.random.Generator) -> Record:
    """A record of random numbers, as large as that of a USPS trial."""
    curve = tuple(generator.random(EPOCHS))
    return Record(
        key=f"{seed:020x}",
        fields="{}",
        dataset="usps",
        fingerprint="made-up",
        engine_version=1,
        seed=seed,
        outcome="completed",
        epochs=EPOCHS,
        metric="accuracy",
        target_unit="",
        outputs=10,
        train_loss=curve,
        train_metric=curve,
        validation_loss=curve,
        validation_metric=curve,
        learning_rate=curve,
        train_seconds=curve,
        measured_epochs=(EPOCHS,),
        measured_train_loss=(0.5,),
        measured_train_metric=(0.5,),
        validation_outputs=(generator.random((1291, 10), dtype=np.float32).tobytes(),),
    )


def timed(name: str, work: Callable[[], object]) -> None:
    """Time some work, and print median and range."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    spread = f"({min(seconds):.3f} to {max(seconds):.3f}, n={REPEATS})"
    print(f"{name:44s} median {statistics.median(seconds):7.3f} s  {spread}")


def main(trials: int) -> None:
    """Write the trials, read their files, compact them, and read the packs."""
    print(f"{trials} trials; {platform.machine()}, Python {platform.python_version()}, pyarrow {pa.__version__}")
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(Storage.at(folder), create=True)
        start = time.perf_counter()
        for seed in range(trials):
            ledger.write(made_up(seed, generator))
        print(f"{'write, durable, one by one':44s} {1000 * (time.perf_counter() - start) / trials:7.2f} ms a trial")
        wanted = [f"{seed:020x}" for seed in range(0, trials, max(1, trials // 60))]
        timed("read all, one file per trial", ledger.read)
        timed(f"read {len(wanted)} keys, one file per trial", lambda: ledger.read(keys=wanted))
        start = time.perf_counter()
        ledger.compact(at_least=1)
        print(f"{'compact':44s} {time.perf_counter() - start:14.3f} s")
        timed("read all, compacted", ledger.read)
        timed(f"read {len(wanted)} keys, compacted", lambda: ledger.read(keys=wanted))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
