"""How a run ends: its exit code, and what it tells the user to do next."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from models.history import TIMED_OUT
from tune_jobs.errors import StorageError, StorageRefusedError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.file_names import trials_in
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import FAILED, LOST
from tune_jobs.standing.words import outcomes_in_words
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.words import counted, duration

# Outcomes after which a trial can be tried again.
RETRIABLE_OUTCOMES = (FAILED, LOST)
# A trial that reached its time limit is told to take this many times as long.
_MORE_TIME = 2

# How a trial ended, and why.
Ended = tuple[str, str]


def exit_code(
    ended: Iterable[Ended], study: Study, say: Callable[[str], None], *, limit_seconds: float | None = None
) -> int:
    """1 if a trial failed, was lost or reached its time limit, else 0; say how to go on.

    A trial that diverged, or that a search or early stopping has ended, is a result like any other.

    Args:
        ended: how each trial ended.
        study: that the trials belong to.
        say: prints a line.
        limit_seconds: the time limit of a trial, if there is one.
    """
    found = list(ended)
    reasons = [reason for outcome, reason in found if outcome in RETRIABLE_OUTCOMES]
    failed = len(reasons)
    if failed:
        them = "it" if failed == 1 else "them"
        say(
            f"{counted(failed, 'trial')} failed{_shared_reason(reasons)}; `{study.command('status')}` names {them}, "
            f"`{study.command('run', '--retry-failed')}` tries again"
        )
    timed_out = sum(outcome == TIMED_OUT for outcome, _ in found)
    if timed_out:
        its, it = ("its", "it") if timed_out == 1 else ("their", "them")
        longer = "MINUTES" if limit_seconds is None else f"{_MORE_TIME * limit_seconds / 60:g}"
        say(
            f"{counted(timed_out, 'trial')} reached {its} time limit before {its} last epoch; "
            f"`{study.command('run', '--time-limit', longer)}` gives {it} more"
        )
    return 1 if failed or timed_out else 0


def _shared_reason(reasons: Sequence[str]) -> str:
    """Name the reason for which all of these trials failed, if it is one."""
    if len(set(reasons)) > 1 or not reasons[0]:
        return ""
    return f": {reasons[0]}" if len(reasons) == 1 else f", all for one reason: {reasons[0]}"


def end_refused(refused: StorageRefusedError, storage: Storage, say: Callable[[str], None]) -> int:
    """End a run whose storage takes no more results: keep those that it did not take; return the exit code, 1.

    Args:
        refused: has them.
        storage: of the ledger; by now there may be room.
        say: prints a line.
    """
    say(f"stopped: {refused}")
    left = _not_written(storage, refused.unwritten)
    if left:
        folder = _kept_elsewhere(left)
        count = trials_unwritten(left)
        trials = counted(count, "trial")
        if folder:
            lie, them = ("lies", "it") if count == 1 else ("lie", "them")
            say(
                f"{trials} finished but could not be stored there, and {lie} in {folder}; when the storage takes "
                f"results again, `ablatune ledger merge {folder} --storage {storage.uri}` adds {them}"
            )
        else:
            say(f"{trials} finished but could not be stored, neither there nor in {tempfile.gettempdir()}: lost")
    say(f"all other trials that finished are kept; the same command continues: {provenance.command()}")
    return 1


def trials_unwritten(files: Iterable[tuple[str, ...]]) -> int:
    """How many trials the files hold that a storage did not take, by their paths."""
    return sum(trials_in(path[-1]) for path in files)


def _not_written(storage: Storage, files: Mapping[tuple[str, ...], bytes]) -> dict[tuple[str, ...], bytes]:
    """Write files; return those that could not be written."""
    left = {}
    for path, content in files.items():
        try:
            storage.write(content, *path)
        except StorageError:
            left[path] = content
    return left


def _kept_elsewhere(files: Mapping[tuple[str, ...], bytes]) -> str:
    """Write files of a ledger into a new one among the temporary files; return its folder, "" if that fails too."""
    try:
        folder = tempfile.mkdtemp(prefix="ablatune-kept-")
        ledger = Ledger.open(Storage.at(folder), create=True)
        return "" if _not_written(ledger.storage, files) else folder
    except (OSError, StorageError):
        return ""


def say_outcomes(
    outcomes: Counter[str], restarts: Sequence[str], seconds: float, study: Study, say: Callable[[str], None]
) -> None:
    """Say how trials ended, and how many lost their workers.

    Args:
        outcomes: how many trials had each outcome.
        restarts: a trial's key for each time that it was started again.
        seconds: that all took.
        study: that the trials belong to.
        say: prints a line.
    """
    say(f"{counted(outcomes.total(), 'trial')} in {duration(seconds)}: {outcomes_in_words(outcomes)}")
    count = len(set(restarts))
    if count:
        workers = "its worker" if count == 1 else "their workers"
        status = study.command("status")
        say(f"{counted(count, 'trial')} lost {workers} and started again; `{status}` names where and when")


def compact(ledger: Ledger, say: Callable[[str], None]) -> None:
    """Gather the ledger's records into packs, which read faster; if that fails now, a later run does it."""
    try:
        ledger.compact()
    except StorageError as error:
        say(f"warning: {error}; all results are kept, but their records were not gathered into packs")
