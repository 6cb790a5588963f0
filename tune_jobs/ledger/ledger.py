"""The ledger: a folder of Parquet files that holds every trajectory by its key.

A finished trial is one file, written atomically: any number of runs can write at once without a server or a lock.
`compact` gathers single files into packs; meanwhile a record may be seen twice, is never missed. Readers combine the
records of a key (see `tune_jobs.ledger.record.combine`).
"""

import io
import json
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tune_jobs.errors import StorageRefusedError, UserError, first_line
from tune_jobs.ledger.record import PREDICTIONS, SCHEMA, Record, combine
from tune_jobs.ledger.targets import FOLDER as TARGETS
from tune_jobs.ledger.test_openings import FOLDER as OPENINGS
from tune_jobs.storage.storage import Storage

FOLDER = "ledger"
MARKER = "ledger.json"
FORMAT = 1
PACK_SIZE = 500
# On S3 each file takes two requests whenever it is read.
_ENOUGH_ON_S3 = 50
_SINGLE = re.compile(r"trial-[0-9a-f]+-[0-9a-f]+\.parquet")
_PACK = re.compile(r"pack-[0-9a-f]+\.parquet")
_LISTING_ATTEMPTS = 100


@dataclass(frozen=True)
class Contents:
    """What a ledger holds: a record for each key, and the keys whose records disagree."""

    records: dict[str, Record]
    disagreements: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ledger:
    """A ledger in a storage; get it with `Ledger.open`."""

    storage: Storage

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
            raise UserError(f"{storage.path(FOLDER)}: there is no ledger; `ablatune run` creates one")
        return ledger

    @classmethod
    def find(cls, storage: Storage) -> "Ledger | None":
        """Open the ledger in a storage if there is one; otherwise as `open`."""
        return cls._found(storage, create=False)

    def patient(self) -> "Ledger":
        """The same ledger for use during a run: it waits until an outage of its storage is over."""
        return Ledger(self.storage.patient())

    @classmethod
    def _found(cls, storage: Storage, *, create: bool) -> "Ledger | None":
        ledger, names = cls(storage), storage.names(FOLDER)
        if not names:
            storage.require_bucket()
        foreign = sorted(name for name, is_file in names.items() if not _belongs(name, is_file))
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

    def _check_format(self) -> None:
        path = self.storage.path(FOLDER, MARKER)
        try:
            version = json.loads(self.storage.read(FOLDER, MARKER))["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{path}: is not a valid ledger marker; restore it as {{"format": {FORMAT}}}') from error
        if version != FORMAT:
            raise UserError(f"{path}: has format {version}, this version reads {FORMAT}; update ablatune")

    def write(self, record: Record) -> None:
        """Add a record; it is durable on return.

        Raises:
            StorageError: the ledger cannot be written. A refusal holds the file, to be written later.
        """
        name, content = f"trial-{record.key}-{uuid.uuid4().hex[:12]}.parquet", to_parquet([record])
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

        Raises:
            UserError: a file is corrupt or incomplete.
        """
        wanted = set(keys) if keys is not None else None
        by_key: dict[str, list[Record]] = {}
        for record in self._all(predictions=predictions, keys=wanted):
            by_key.setdefault(record.key, []).append(record)
        contents = Contents({})
        for key, records in by_key.items():
            contents.records[key], agree = combine(records) if len(records) > 1 else (records[0], True)
            if not agree:
                contents.disagreements.append(key)
        return contents

    def lookup(self) -> "Lookup":
        """Make a function that finds a record by its key; it lists the keys once, so a miss costs nothing."""
        keys: set[str] = set()
        for held in self.storage.each(self._keys_in, self._files()):
            keys |= held
        return Lookup(self, frozenset(keys))

    def compact(self, *, at_least: int | None = None) -> int:
        """Gather single files into packs; return how many files were gathered.

        Safe during other runs and other compactions: a file is deleted only once a pack holds it.

        Args:
            at_least: do nothing with fewer single files; None for a number that suits the storage.
        """
        singles = sorted(name for name in self._files() if _SINGLE.fullmatch(name))
        if at_least is None:
            at_least = _ENOUGH_ON_S3 if self.storage.is_s3 else PACK_SIZE
        if len(singles) < at_least:
            return 0
        for first in range(0, len(singles), PACK_SIZE):
            tables = self.storage.each(self._whole, singles[first : first + PACK_SIZE])
            gathered = {name: table for name, table in tables if table is not None}
            if gathered:
                self._write_pack(record for table in gathered.values() for record in _records(table))
            self._delete(gathered)
        return len(singles)

    def _whole(self, name: str) -> tuple[str, pa.Table | None]:
        try:
            return name, self._table(name, SCHEMA.names)
        except FileNotFoundError:
            return name, None  # another compaction has gathered it

    def _delete(self, names: Iterable[str]) -> None:
        for _ in self.storage.each(lambda name: self.storage.delete(FOLDER, name), names):
            pass

    def remove(self, keys: Collection[str]) -> int:
        """Remove every record of these keys; return how many trials were removed.

        A pack is rewritten without them before it is deleted, so no other record is ever lost.
        """
        removed: set[str] = set()
        while True:
            names = self._files()
            try:
                for name in names:
                    removed |= self._remove_from(name, set(keys))
            except FileNotFoundError:
                continue
            if _packs(self._files()) <= _packs(names) or not self._all(predictions=False, keys=set(keys)):
                return len(removed)

    def _remove_from(self, name: str, keys: set[str]) -> set[str]:
        held = self._keys_in(name)
        hit = held & keys
        if hit:
            kept = [r for r in _records(self._table(name, SCHEMA.names)) if r.key not in hit] if held - hit else []
            if kept:
                self._write_pack(kept)
            self.storage.delete(FOLDER, name)
        return hit

    def merge(self, other: "Ledger") -> int:
        """Add the records that only another ledger has; return how many were added."""
        mine = {_identity(record) for record in self._all(predictions=False)}
        new = {_identity(record): record.key for record in other._all(predictions=False)}
        keys = sorted({key for identity, key in new.items() if identity not in mine})
        added = 0
        for first in range(0, len(keys), PACK_SIZE):
            part = other._all(predictions=True, keys=set(keys[first : first + PACK_SIZE]))
            fresh = list({_identity(r): r for r in part if _identity(r) not in mine}.values())
            self._write_pack(fresh)
            added += len(fresh)
        for folder in (TARGETS, OPENINGS):
            for name in other.storage.names(folder):
                if not self.storage.exists(folder, name):
                    self.storage.write(other.storage.read(folder, name), folder, name)
        return added

    def _files(self) -> list[str]:
        return sorted(name for name in self.storage.names(FOLDER) if _SINGLE.fullmatch(name) or _PACK.fullmatch(name))

    def _all(self, *, predictions: bool, keys: set[str] | None = None) -> list[Record]:
        columns = [name for name in SCHEMA.names if predictions or name not in PREDICTIONS]
        # A listing is not a snapshot: meanwhile a compaction may delete a file before the listing reaches it, and add
        # the pack at a place that it has passed. Only a second listing then shows the pack.
        for _ in range(_LISTING_ATTEMPTS):
            names = self._files()
            try:
                wanted = [name for name in names if keys is None or _may_hold(name, keys)]
                tables = self.storage.each(lambda name: self._table(name, columns), wanted)
                found = [record for table in tables for record in _records(table, keys)]
            except FileNotFoundError:
                continue
            if _packs(self._files()) <= _packs(names):
                return found
        raise UserError(f"{self.storage.path(FOLDER)}: other runs keep rewriting it; try again later")

    def _keys_in(self, name: str) -> set[str]:
        if _SINGLE.fullmatch(name):
            return {name.split("-")[1]}
        return set(self._table(name, ["key"]).column("key").to_pylist())

    def _table(self, name: str, columns: Sequence[str]) -> pa.Table:
        path = self.storage.path(FOLDER, name)
        try:
            if self.storage.is_s3 and _SINGLE.fullmatch(name):
                # The whole file takes one request; finding and reading its columns would take several.
                stream = pa.BufferReader(self.storage.read(FOLDER, name))
                return pq.ParquetFile(stream).read(columns=list(columns), use_threads=False)
            return self.storage.opened(
                lambda stream: pq.ParquetFile(stream, pre_buffer=self.storage.is_s3).read(
                    columns=list(columns), use_threads=False
                ),
                FOLDER,
                name,
            )
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, KeyError) as error:
            raise UserError(
                f"{path}: is corrupt or incomplete ({first_line(error)}); move it away and run again"
            ) from error

    def _write_pack(self, records: Iterable[Record]) -> None:
        self.storage.write(to_parquet(records), FOLDER, f"pack-{uuid.uuid4().hex}.parquet")


def _records(table: pa.Table, keys: Collection[str] | None = None) -> Iterator[Record]:
    if keys is not None:
        table = table.filter(pc.is_in(table.column("key"), pa.array(sorted(keys), pa.string())))
    for row in table.to_pylist():
        yield Record.from_row(row)


@dataclass(frozen=True)
class Lookup:
    """Finds single records, without predictions, among the keys that a ledger had when it was made."""

    ledger: Ledger
    keys: frozenset[str]

    def __call__(self, key: str) -> Record | None:
        """Read the record of a key; None if there is none."""
        return self.ledger.read(keys={key}).records.get(key) if key in self.keys else None


def to_parquet(records: Iterable[Record]) -> bytes:
    """Encode records as a file of the ledger."""
    table = pa.Table.from_pylist([record.to_row() for record in records], schema=SCHEMA)
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _belongs(name: str, is_file: bool) -> bool:
    """Whether a ledger folder may hold this: a file of the ledger, or a hidden file of the file system."""
    if name.startswith("."):
        return True
    return is_file and bool(name == MARKER or _SINGLE.fullmatch(name) or _PACK.fullmatch(name))


def _packs(names: Iterable[str]) -> set[str]:
    return {name for name in names if _PACK.fullmatch(name)}


def _may_hold(name: str, keys: set[str]) -> bool:
    return bool(_PACK.fullmatch(name)) or name.split("-")[1] in keys


def _identity(record: Record) -> tuple[object, ...]:
    return (record.key, record.started_at, record.host, record.outcome, record.epochs)
