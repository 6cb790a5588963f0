"""`ledger prune`: delete what trials have left beside their records, which no table needs."""

from collections.abc import Collection, Mapping

from tune_jobs.commands.inspect_ledger import agreed
from tune_jobs.ledger.kept_files import KeptFiles, forget_files, kept_files
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import live_beacons
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted, file_size


def prune(storage_uri: str, *, study: str, folders: bool, unfinished: bool, confirmed: bool) -> int:
    """Delete checkpoints, after asking unless told not to; trials that a run is training keep theirs.

    Args:
        storage_uri: of the ledger.
        study: only of trials that it trained; "" for all.
        folders: whether to delete also what training functions wrote into their trials' folders.
        unfinished: whether to delete also those of trials that were stopped and have no record.
        confirmed: whether not to ask.

    Raises:
        UserError: there is no ledger, or nobody can be asked.
    """
    ledger = Ledger.open(Storage.at(storage_uri))
    running = {key for beacon in live_beacons(ledger.storage) for key in beacon.running}
    found = {key: kept for key, kept in kept_files(ledger.storage, folders=folders).items() if key not in running}
    records = ledger.read(keys=found.keys()).records
    chosen = [kept for key, kept in found.items() if _is_chosen(records.get(key), study, unfinished=unfinished)]
    left = sum(key not in records for key in found) if not unfinished else 0
    if left:
        print(f"{counted(left, 'trial')} stopped before the end: kept, and --unfinished deletes what they have left")
    if not chosen:
        print("nothing to delete")
        return 0
    print(f"to delete: {_words(chosen)}; the results stay")
    print("without a checkpoint, a trial that is to train longer, or to be evaluated, trains from its first epoch")
    if agreed("ledger prune", f"delete them from {storage_uri} for good?", confirmed=confirmed):
        forget_files(ledger.storage, chosen)
        print("deleted")
    else:
        print("nothing deleted")
    return 0


def _is_chosen(record: Record | None, study: str, *, unfinished: bool) -> bool:
    # Which study trains a trial is in its record alone.
    return (unfinished and not study) if record is None else study in ("", record.study)


def _words(kept: Collection[KeptFiles]) -> str:
    """Say how many files there are and what they take."""
    amounts: Mapping[str, int] = {
        "checkpoint": sum(len(one.checkpoints) for one in kept),
        "folder": sum(one.folder is not None for one in kept),
    }
    things = " and ".join(counted(number, thing) for thing, number in amounts.items() if number)
    return f"{things} of {counted(len(kept), 'trial')}, {file_size(sum(one.bytes for one in kept))}"
