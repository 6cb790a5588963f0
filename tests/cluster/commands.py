"""Commands of `ablatune` in processes of their own, in the current folder."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.lab import PROJECT
from tests.cluster.results import unpacked
from tune_jobs.ledger.file_names import trials_in
from tune_jobs.storage.storage import Storage


@contextmanager
def started(*arguments: object, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command; it is killed at the end, unless it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tune_jobs", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def ablatune(*arguments: object, expect: int = 0, **environment: str) -> str:
    """Run a command to its end and return what it printed."""
    with started(*arguments, **environment) as process:
        output, _ = process.communicate(timeout=1200)
    assert process.returncode == expect, output
    assert "Traceback" not in output
    return output


def wait_for_records(count: int, process: "subprocess.Popen[str]", storage: Storage) -> None:
    """Wait until the ledger has this many records; the process must not end before."""
    while sum(map(trials_in, unpacked(storage))) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)


def killed_after(count: int, study: str, uri: str) -> Storage:
    """Run a study, kill the run once this many records are there, and return its storage."""
    storage = Storage.at(uri)
    with started("run", study, "--storage", uri) as process:
        wait_for_records(count, process, storage)
    return storage
