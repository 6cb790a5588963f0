"""How a run ends: its exit code, and what it tells the user to do next."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tune_jobs.errors import StorageError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import FAILED, LOST
from tune_jobs.standing.words import outcomes_in_words
from tune_jobs.words import counted, duration

# Outcomes after which a trial can be tried again.
RETRIABLE_OUTCOMES = (FAILED, LOST)


def exit_code(outcomes: Mapping[str, int], say: Callable[[str], None]) -> int:
    """1 if a trial failed or was lost, else 0; say how to retry."""
    failed = sum(outcomes.get(outcome, 0) for outcome in RETRIABLE_OUTCOMES)
    if failed:
        say(
            f"{counted(failed, 'trial')} failed; `ablatune status` names {'it' if failed == 1 else 'them'}, "
            "`ablatune run --retry-failed` tries again"
        )
    return 1 if failed else 0


def say_outcomes(outcomes: Counter[str], restarts: Sequence[str], seconds: float, say: Callable[[str], None]) -> None:
    """Say how trials ended, and how many lost their workers.

    Args:
        outcomes: how many trials had each outcome.
        restarts: a trial's key for each time that it was started again.
        seconds: that all took.
        say: prints a line.
    """
    say(f"{counted(outcomes.total(), 'trial')} in {duration(seconds)}: {outcomes_in_words(outcomes)}")
    count = len(set(restarts))
    if count:
        workers = "its worker" if count == 1 else "their workers"
        say(f"{counted(count, 'trial')} lost {workers} and started again; `ablatune status` names where and when")


def compact(ledger: Ledger, say: Callable[[str], None]) -> None:
    """Gather the ledger's records into packs, which read faster; if that fails now, a later run does it."""
    try:
        ledger.compact()
    except StorageError as error:
        say(f"warning: {error}; all results are kept, but their records were not gathered into packs")
