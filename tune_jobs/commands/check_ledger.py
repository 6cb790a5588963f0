"""`ledger check`: name the files of a storage that are cut or damaged, and the trials whose numbers are in doubt."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from models.errors import ModelError
from models.sealed import is_whole
from models.version import STACKED
from tune_jobs.errors import StorageError, first_line
from tune_jobs.ledger import checkpoints, lost_workers, runs, saved_models, targets, test_openings
from tune_jobs.ledger.doubtful import doubtful_records
from tune_jobs.ledger.file_names import FOLDER as LEDGER
from tune_jobs.ledger.file_names import MARKER
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.stacking import rule
from tune_jobs.standing.search import journal
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted

# What to do about a file that is cut, by its kind.
_TRIALS = "restore it from a copy, or move it away; the next run of a study trains its missing trials again"
_MARKER = "no trial is lost: the next run writes it anew"
_WRITTEN_AGAIN = "nothing is lost: the next run of its study writes it anew"
_FORGOTTEN = "delete it; it only said how a run went"
_MEASURED = "delete it; the next long run measures again whether stacks are faster"
_JOURNAL = "restore it from a copy, or leave it: the search goes on with the lines that are whole, and no trial is lost"
_OPENING = "restore it from a copy; `evaluate` opens no test set until it is back or moved away"
_CHECKPOINT = "delete it; its trial starts from the first epoch"
_MODEL = "delete it; `evaluate` trains the model again"


def check(storage_uri: str, *, keys: bool) -> int:
    """Print what is wrong with a storage; return 1 if anything is, else 0.

    Args:
        storage_uri: of the ledger.
        keys: whether to list every trial whose numbers are in doubt.
    """
    ledger = Ledger.open(Storage.at(storage_uri))
    problems = list(_cut_files(ledger))
    for line in problems:
        print(line)
    if problems:
        print(f"{counted(len(problems), 'file')} cut or damaged")
    records = ledger.read().records.values()
    _say_modes(records)
    _say_imported(records)
    doubted = _say_doubtful(ledger, doubtful_records(records), keys=keys)
    if not problems and not doubted:
        print(f"{ledger.storage.uri}: all files are whole, and no trial is in doubt")
    return 1 if problems or doubted else 0


def _say_modes(records: Collection[Record]) -> None:
    """Say so if trials were trained in both ways; that is no fault."""
    stacked = sum(record.execution_mode == STACKED for record in records)
    singly = len(records) - stacked
    if stacked and singly:
        print(
            f"{counted(stacked, 'trial')} trained in stacks and {singly:,} singly: the numbers agree to rounding, and "
            "no row of a table mixes them"
        )


def _say_imported(records: Collection[Record]) -> None:
    """Say so if results from elsewhere were imported; that is no fault."""
    imported = sum(record.is_imported for record in records)
    if imported:
        print(
            f"{counted(imported, 'trial')} imported: trained elsewhere, and nobody knows with which code, or whether "
            "the same numbers would come again"
        )


def _say_doubtful(ledger: Ledger, found: Sequence[Record], *, keys: bool) -> bool:
    """Say which trials are in doubt; return whether there are any."""
    if not found:
        return False
    trials, has, its = ("trial", "has", "its") if len(found) == 1 else ("trials", "have", "their")
    print(
        f"{len(found):,} {trials} {has} shared {its} process with code that other trials ran, yours or a library's, "
        f"which may have changed {its} numbers (this is no longer possible):"
    )
    for study, count in sorted(Counter(record.study for record in found).items()):
        print(f"  {study}: {counted(count, 'trial')}")
    if keys:
        for record in found:
            print(f"    {record.key}  {record.study}  {record.started_at:%Y-%m-%d %H:%M}  seed {record.seed}")
    else:
        print(f"  (`ablatune ledger check --keys --storage {ledger.storage.uri}` lists them)")
    print(
        f"to train them again: ablatune ledger remove --doubtful --storage {ledger.storage.uri}, then `ablatune run "
        "STUDY` for each study that reads them"
    )
    return True


def _cut_files(ledger: Ledger) -> Iterator[str]:
    """Yield a line for each file that is cut or damaged, and say what to do about it."""
    storage = ledger.storage
    if not ledger.marker_is_whole():
        yield _line(storage.address(LEDGER, MARKER), "it says no format", _MARKER)
    for name, why in ledger.cut_files().items():
        yield _line(storage.address(LEDGER, name), why, _TRIALS)
    for parse, parts, advice in _documents(storage):
        yield from _cut_documents(storage, parse, parts, advice)
    for search in _folders(storage, journal.FOLDER):
        for name in journal.journal_parts(storage, search):
            yield from _cut_file(storage, journal.parse_part, (journal.FOLDER, search, name), _JOURNAL)
    for name in _files(storage, targets.FOLDER):
        yield from _cut_file(storage, targets.parse_targets, (targets.FOLDER, name), _WRITTEN_AGAIN)
    for name in _files(storage, checkpoints.FOLDER):
        yield from _cut_file(storage, _checkpoint, (checkpoints.FOLDER, name), _CHECKPOINT)
    kept = saved_models.FOLDER
    places = [(kept,), *((kept, study) for study in _folders(storage, kept))]
    for place in places:
        for name in _files(storage, *place):
            yield from _cut_file(storage, _model, (*place, name), _MODEL)


def _documents(storage: Storage) -> Iterator[tuple[Callable[[Any], object], tuple[str, ...], str]]:
    """Yield the folders of JSON files, with what parses them and what to do about one that is cut."""
    for study in _folders(storage, runs.STUDIES):
        yield runs.manifest_of, (runs.STUDIES, study), _WRITTEN_AGAIN
    yield rule.rule_of, (rule.FOLDER,), _MEASURED
    yield runs.beacon_of, (runs.ACTIVE,), _FORGOTTEN
    yield lost_workers.incident_of, (lost_workers.FOLDER,), _FORGOTTEN
    yield test_openings.opening_of, (test_openings.FOLDER,), _OPENING


def _cut_documents(
    storage: Storage, parse: Callable[[Any], object], parts: tuple[str, ...], advice: str
) -> Iterator[str]:
    lines: list[str] = []

    def torn(address: str, error: Exception) -> None:
        lines.append(_line(address, first_line(error), advice))

    for _ in storage.documents(parse, *parts, torn=torn):
        pass
    yield from lines


def _cut_file(storage: Storage, parse: Callable[[bytes], object], parts: tuple[str, ...], advice: str) -> Iterator[str]:
    try:
        storage.parsed(parse, *parts)
    except StorageError:
        raise
    except FileNotFoundError:
        return  # a run has just deleted it
    except (ValueError, TypeError) as error:
        yield _line(storage.address(*parts), first_line(error), advice)


def _checkpoint(content: bytes) -> None:
    if not is_whole(content):
        raise ValueError("its digest differs")


def _model(content: bytes) -> None:
    # Imported here: only a storage with models needs torch.
    from models.saved import user_references

    try:
        user_references(content)
    except ModelError as error:
        raise ValueError(str(error)) from error


def _line(address: str, why: str, advice: str) -> str:
    return f"{address}: is cut or damaged ({why}); {advice}"


def _files(storage: Storage, *parts: str) -> list[str]:
    return sorted(name for name, is_file in storage.names(*parts).items() if is_file and not name.startswith("."))


def _folders(storage: Storage, *parts: str) -> list[str]:
    return sorted(name for name, is_file in storage.names(*parts).items() if not is_file)
