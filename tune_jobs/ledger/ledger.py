"""The ledger: a folder of Parquet files that holds every trajectory by its key.

A finished trial is one file, and trials that finish within the same moment are one: a chunk. Files are written
atomically, so any number of runs can write at once without a server or a lock. `compact` gathers trials and chunks into
packs; meanwhile a record may be seen twice, but is never missed. Readers combine the records of a key (see
`tune_jobs.ledger.combining.combine`).
"""

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from tune_jobs.errors import StorageRefusedError, UserError
from tune_jobs.ledger.combining import combine
from tune_jobs.ledger.file_names import FOLDER, MARKER, PACK_SIZE, batches, belongs, is_small, name_for, packs_in
from tune_jobs.ledger.parquet import records_in, to_parquet
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.targets import FOLDER as TARGETS
from tune_jobs.ledger.test_openings import FOLDER as OPENINGS
from tune_jobs.ledger.trial_files import TrialFiles
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.metrics import Metrics

FORMAT = 1
# On S3 each file takes two requests whenever it is read.
_ENOUGH_ON_S3 = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contents:
    """What a ledger holds: a record for each key, and the keys whose records disagree."""

    records: dict[str, Record]
    disagreements: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ledger:
    """A ledger in a storage; get it with `Ledger.open`.

    A file that is cut or damaged is passed over: its trials count as missing. It is logged once, and stays as it is.
    """

    storage: Storage
    # The cut files that were logged.
    _passed_over: set[str] = field(default_factory=set, repr=False, compare=False)
    # By which records of training functions are read.
    _metrics: Metrics | None = None

    @classmethod
    def open(cls, storage: Storage, *, create: bool = False) -> "Ledger":
        """Open the ledger in a storage, after checking what its folder holds.

        Args:
            storage: that holds it.
            create: whether to create a ledger where there is none.

        Raises:
            UserError: there is no ledger, or its folder cannot be read or written, holds something that does not belong
                to a ledger, or holds a ledger of a later format.
        """
        ledger = cls._found(storage, create=create)
        if ledger is None:
            raise UserError(f"{storage.path(FOLDER)}: there is no ledger; `ablatune run STUDY` creates one")
        return ledger

    @classmethod
    def find(cls, storage: Storage) -> "Ledger | None":
        """Open the ledger in a storage if there is one; otherwise as `open`."""
        return cls._found(storage, create=False)

    @property
    def _files(self) -> TrialFiles:
        return TrialFiles(self.storage, self._passed_over)

    def patient(self) -> "Ledger":
        """The same ledger for use during a run: it waits until an outage of its storage is over."""
        return replace(self, storage=self.storage.patient())

    def compared_by(self, metrics: Metrics | None) -> "Ledger":
        """The same ledger as a study reads it: the trials of training functions are compared by what it declares.

        A trial that lacks a metric of the study is not read.
        """
        return self if metrics is None else replace(self, _metrics=metrics)

    @classmethod
    def _found(cls, storage: Storage, *, create: bool) -> "Ledger | None":
        ledger, names = cls(storage), storage.names(FOLDER)
        if not names:
            storage.require_bucket()
        foreign = sorted(name for name, is_file in names.items() if not belongs(name, is_file))
        if foreign:
            raise UserError(
                f"{storage.path(FOLDER, foreign[0])}: does not belong to a ledger; move it away, or give another "
                "--storage"
            )
        if MARKER in names:
            ledger._check_format()
        if create:
            # Rewritten even if it is there: this tests that the ledger can be written, and leaves nothing behind.
            storage.write(json.dumps({"format": FORMAT}).encode(), FOLDER, MARKER)
        return ledger if create or names else None

    def marker_is_whole(self) -> bool:
        """Tell whether the file that says which format the ledger has is whole."""
        return not self.storage.exists(FOLDER, MARKER) or self._format() is not None

    def _format(self) -> object:
        """Which format the ledger's marker says that it has; None if it is cut or damaged."""
        content = self.storage.read(FOLDER, MARKER)
        try:
            return json.loads(content)["format"]
        except (ValueError, KeyError, TypeError):
            return None

    def _check_format(self) -> None:
        path, version = self.storage.path(FOLDER, MARKER), self._format()
        if version is None:
            # The trials are whole without it.
            _log.warning("%s: is cut or damaged; no trial is lost, and the next run writes it anew", path)
        elif version != FORMAT:
            raise UserError(f"{path}: has format {version}, this version reads {FORMAT}; update ablatune")

    def write(self, *records: Record) -> None:
        """Add records, as one file; they are durable on return.

        Raises:
            StorageError: the ledger cannot be written. A refusal holds the file, to be written later.
        """
        if not records:
            return
        name, content = name_for([record.key for record in records]), to_parquet(records)
        try:
            self.storage.write(content, FOLDER, name)
        except StorageRefusedError as error:
            error.unwritten[FOLDER, name] = content
            raise

    def read(self, *, predictions: bool = False, keys: Collection[str] | None = None) -> Contents:
        """Read the records.

        Args:
            predictions: whether to read the stored outputs too, which are large.
            keys: read only these.
        """
        wanted = set(keys) if keys is not None else None
        by_key: dict[str, list[Record]] = {}
        for record in self._files.records(predictions=predictions, keys=wanted):
            by_key.setdefault(record.key, []).append(record)
        contents = Contents({})
        for key, records in by_key.items():
            records = self._as_read(records)
            if not records:
                continue
            contents.records[key], agree = combine(records) if len(records) > 1 else (records[0], True)
            if not agree:
                contents.disagreements.append(key)
        return contents

    def _as_read(self, records: list[Record]) -> list[Record]:
        if self._metrics is None:
            return records
        found = (record.compared_by(self._metrics) for record in records)
        return [record for record in found if record is not None]

    def lookup(self) -> "Lookup":
        """Make a function that finds a record by its key; it lists the keys once, so a miss costs nothing."""
        keys: set[str] = set()
        cut: dict[str, str] = {}
        for held in self.storage.each(lambda name: self._files.keys_in(name, cut), self._files.names()):
            keys |= held
        self._files.pass_over(cut)
        return Lookup(self, frozenset(keys))

    def cut_files(self) -> dict[str, str]:
        """Read every file as a whole; return the names of those that are cut or damaged, and why."""
        cut: dict[str, str] = {}
        for _ in self.storage.each(lambda name: self._files.whole(name, cut), self._files.names()):
            pass
        return dict(sorted(cut.items()))

    def compact(self, *, at_least: int | None = None) -> int:
        """Gather the files of single trials and of chunks into packs; return how many files were gathered.

        Safe during other runs and other compactions: a file is deleted only once a pack holds it.

        Args:
            at_least: do nothing with fewer files; None for a number that suits the storage.
        """
        small = sorted(filter(is_small, self._files.names()))
        if at_least is None:
            at_least = _ENOUGH_ON_S3 if self.storage.is_s3 else PACK_SIZE
        if len(small) < at_least:
            return 0
        cut: dict[str, str] = {}
        for names in batches(small):
            tables = self.storage.each(lambda name: self._files.whole(name, cut), names)
            gathered = {name: table for name, table in tables if table is not None}
            if gathered:
                self._files.write_pack(record for table in gathered.values() for record in records_in(table))
            self._files.delete(gathered)
        self._files.pass_over(cut)
        return len(small) - len(cut)

    def remove(self, keys: Collection[str]) -> int:
        """Remove every record of these keys; return how many trials were removed.

        A pack is rewritten without them before it is deleted, so no other record is ever lost.

        Raises:
            UserError: a pack holds one of them and is cut or damaged elsewhere.
        """
        removed: set[str] = set()
        while True:
            names = self._files.names()
            try:
                for name in names:
                    removed |= self._remove_from(name, set(keys))
            except FileNotFoundError:
                continue
            stayed = packs_in(self._files.names()) <= packs_in(names)
            if stayed or not self._files.records(predictions=False, keys=set(keys)):
                return len(removed)

    def _remove_from(self, name: str, keys: set[str]) -> set[str]:
        held = self._files.keys_in(name, {})
        hit = held & keys
        if hit:
            if held - hit:
                self._files.write_pack(self._files.others_in(name, hit))
            self.storage.delete(FOLDER, name)
        return hit

    def merge(self, other: "Ledger") -> int:
        """Add the records that only another ledger has; return how many were added."""
        mine = {_identity(record) for record in self._files.records(predictions=False)}
        new = {_identity(record): record.key for record in other._files.records(predictions=False)}
        keys = sorted({key for identity, key in new.items() if identity not in mine})
        added = 0
        for first in range(0, len(keys), PACK_SIZE):
            part = other._files.records(predictions=True, keys=set(keys[first : first + PACK_SIZE]))
            fresh = list({_identity(r): r for r in part if _identity(r) not in mine}.values())
            self._files.write_pack(fresh)
            added += len(fresh)
        for folder in (TARGETS, OPENINGS):
            for name in other.storage.names(folder):
                if not self.storage.exists(folder, name):
                    self.storage.write(other.storage.read(folder, name), folder, name)
        return added


@dataclass(frozen=True)
class Lookup:
    """Finds single records, without predictions, among the keys that a ledger had when it was made."""

    ledger: Ledger
    keys: frozenset[str]

    def __call__(self, key: str) -> Record | None:
        """Read the record of a key; None if there is none."""
        return self.ledger.read(keys={key}).records.get(key) if key in self.keys else None


def _identity(record: Record) -> tuple[object, ...]:
    return (record.key, record.started_at, record.host, record.outcome, record.epochs)
