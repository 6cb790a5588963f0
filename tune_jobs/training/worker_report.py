"""What a worker reports to the driver, beside how its trial goes: what it has logged, and a storage that refuses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tune_jobs.errors import StorageRefusedError
from tune_jobs.logs import taken_lines

LOG, REFUSED, UNWRITTEN = "log", "refused", "unwritten"
# Of a group: the key and the epochs of each trial in training; the key, outcome, reason, seconds and score of each that
# ended. Lists, since Tune keeps statistics of every number in a mapping.
TRAINING, ENDED = "training", "ended"
# What the worker's node lacks, in words.
LACKS = "lacks"


def report(values: Mapping[str, Any]) -> None:
    """Report values to Tune, with what was logged since the last report."""
    from ray import tune

    tune.report({**values, LOG: taken_lines()})


@contextmanager
def reporting_refusals() -> Iterator[None]:
    """Report a storage that refuses, with the files that it did not take, in place of raising the error.

    Raised, it would have Tune start the trial again, which cannot help. The driver ends the run instead.
    """
    try:
        yield
    except StorageRefusedError as error:
        # Ray wraps what an actor raises.
        refused: StorageRefusedError = getattr(error, "cause", error)
        report({REFUSED: str(refused), UNWRITTEN: list(refused.unwritten.items())})


def refusal_in(result: Mapping[str, Any]) -> StorageRefusedError | None:
    """Return the refusal that a result reports."""
    if REFUSED not in result:
        return None
    refused = StorageRefusedError(result[REFUSED])
    refused.unwritten.update(result[UNWRITTEN])
    return refused
