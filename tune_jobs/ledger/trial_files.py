"""The files of a ledger: listed, read as a whole although other runs gather them meanwhile, and written."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from tune_jobs.errors import UserError, redacted
from tune_jobs.ledger.file_names import FOLDER, holds_trials, may_hold, pack_name, packs_in, single_key
from tune_jobs.ledger.parquet import CutFileError, read_table, records_in, to_parquet
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.schema import PREDICTIONS, SCHEMA
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted

_LISTING_ATTEMPTS = 100
_MOST_NAMED = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialFiles:
    """The files that hold trials in a storage.

    A file that is cut or damaged is passed over: its trials count as missing. It is logged once, and stays as it is.
    """

    storage: Storage
    _passed_over: set[str] = field(default_factory=set, repr=False, compare=False)

    def names(self) -> list[str]:
        """List them."""
        return sorted(filter(holds_trials, self.storage.names(FOLDER)))

    def records(self, *, predictions: bool, keys: set[str] | None = None) -> list[Record]:
        """Read every record, or those of some keys; a key may have several."""
        columns = [name for name in SCHEMA.names if predictions or name not in PREDICTIONS]
        # A listing is not a snapshot: meanwhile a compaction may delete a file before the listing reaches it, and add
        # the pack at a place that it has passed. Only a second listing then shows the pack.
        for _ in range(_LISTING_ATTEMPTS):
            names, cut = self.names(), dict[str, str]()
            try:
                wanted = [name for name in names if keys is None or may_hold(name, keys)]
                tables = self.storage.each(partial(self._table_unless_cut, columns=columns, cut=cut, keys=keys), wanted)
                found = [record for table in tables if table is not None for record in records_in(table, keys)]
            except FileNotFoundError:
                continue
            if packs_in(self.names()) <= packs_in(names):
                self.pass_over(cut)
                return found
        raise UserError(f"{self.storage.path(FOLDER)}: other runs keep rewriting it; try again later")

    def keys_in(self, name: str, cut: dict[str, str]) -> set[str]:
        """The keys of the trials in a file; none if it is cut or damaged, which is noted in `cut` with the reason."""
        key = single_key(name)
        if key:
            return {key}
        table = self._table_unless_cut(name, ["key"], cut)
        return set() if table is None else set(table.column("key").to_pylist())

    def whole(self, name: str, cut: dict[str, str]) -> tuple[str, pa.Table | None]:
        """Read a file; None if another run has deleted it, or if it is cut or damaged, which is noted in `cut`."""
        try:
            return name, self._table_unless_cut(name, SCHEMA.names, cut)
        except FileNotFoundError:
            return name, None  # another compaction has gathered it

    def others_in(self, name: str, keys: set[str]) -> list[Record]:
        """The records in a file without those of some keys.

        Raises:
            UserError: it is cut or damaged.
        """
        cut: dict[str, str] = {}
        table = self._table_unless_cut(name, SCHEMA.names, cut)
        if table is None:
            raise UserError(
                f"{self.storage.path(FOLDER, name)}: is cut or damaged ({cut[name]}), so no trial can be taken out of "
                "it; restore it from a copy, or move it away"
            )
        return [record for record in records_in(table) if record.key not in keys]

    def write_pack(self, records: Iterable[Record]) -> None:
        """Add a pack."""
        self.storage.write(to_parquet(records), FOLDER, pack_name())

    def delete(self, names: Iterable[str]) -> None:
        """Delete files."""
        for _ in self.storage.each(lambda name: self.storage.delete(FOLDER, name), names):
            pass

    def pass_over(self, cut: Mapping[str, str]) -> None:
        """Log the files that were passed over and have not been logged yet."""
        fresh = sorted(set(cut) - self._passed_over)
        if not fresh:
            return
        self._passed_over.update(fresh)
        named = ", ".join(fresh[:_MOST_NAMED]) + (", …" if len(fresh) > _MOST_NAMED else "")
        are, their = ("is", "its") if len(fresh) == 1 else ("are", "their")
        _log.warning(
            "%s: %s %s cut or damaged (%s): %s trials count as missing; "
            "`ablatune ledger check --storage %s` says what to do",
            self.storage.path(FOLDER),
            counted(len(fresh), "file"),
            are,
            named,
            their,
            redacted(self.storage.uri),
        )

    def _table_unless_cut(
        self, name: str, columns: Sequence[str], cut: dict[str, str], keys: set[str] | None = None
    ) -> pa.Table | None:
        """Read columns of a file; None if it is cut or damaged, which is noted in `cut` with the reason."""
        try:
            single = self.storage.is_s3 and bool(single_key(name))
            return read_table(self.storage, FOLDER, name, columns=columns, in_one_request=single, keys=keys)
        except CutFileError as error:
            cut[name] = str(error)
            return None
