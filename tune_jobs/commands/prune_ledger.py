"""`ledger prune`: delete what trials have left beside their records, which no table needs."""

from collections.abc import Collection, Mapping

from tune_jobs.commands.inspect_ledger import agreed
from tune_jobs.errors import UserError
from tune_jobs.ledger.kept_files import KeptFiles, folders_place, forget_files, kept_files
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import live_beacons, running_trials
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
        UserError: there is no ledger, nobody can be asked, or a study is named for unfinished trials.
    """
    if study and unfinished:
        raise UserError(
            "ledger prune: an unfinished trial does not say of which study it is; give --study or --unfinished"
        )
    ledger = Ledger.open(Storage.at(storage_uri))
    running = running_trials(live_beacons(ledger.storage))
    found = {key: kept for key, kept in kept_files(ledger.storage, folders=folders).items() if key not in running}
    records = ledger.read(keys=found.keys()).records
    if folders and ledger.storage.local_root is None:
        print(f"folders: those on this machine, in {folders_place(ledger.storage)}; every other node has its own")
        # A folder may also be that of a trial of another storage.
        found = {key: kept for key, kept in found.items() if key in records or kept.checkpoints}
    chosen = {key: kept for key, kept in found.items() if _is_chosen(records.get(key), study, unfinished=unfinished)}
    left = sum(key not in records for key in found) if not (unfinished or study) else 0
    if left:
        print(f"left alone: {counted(left, 'trial')} that stopped before the end; --unfinished takes them too")
    if not chosen:
        print("nothing to delete")
        return 0
    print(f"to delete: {_words(chosen.values())}; the results stay")
    print("without a checkpoint, a trial that is to train longer, or to be evaluated, trains from its first epoch")
    if agreed("ledger prune", f"delete them from {storage_uri} for good?", confirmed=confirmed):
        # A run may have begun while the question stood.
        running = running_trials(live_beacons(ledger.storage))
        forget_files(ledger.storage, [kept for key, kept in chosen.items() if key not in running])
        print("deleted")
    else:
        print("nothing deleted")
    return 0


def _is_chosen(record: Record | None, study: str, *, unfinished: bool) -> bool:
    return unfinished if record is None else study in ("", record.study)


def _words(kept: Collection[KeptFiles]) -> str:
    """Say how many files there are and what they take."""
    amounts: Mapping[str, int] = {
        "checkpoint": sum(len(one.checkpoints) for one in kept),
        "folder": sum(one.folder is not None for one in kept),
    }
    things = " and ".join(counted(number, thing) for thing, number in amounts.items() if number)
    return f"{things} of {counted(len(kept), 'trial')}, {file_size(sum(one.bytes for one in kept))}"
