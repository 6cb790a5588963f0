"""`show` and `ledger`: look at single trials, and take them out of a ledger or into it."""

import io
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.history import CURVES
from tune_jobs.commands.arguments import overrides_from
from tune_jobs.errors import UserError, cut
from tune_jobs.ledger.doubtful import doubtful_records
from tune_jobs.ledger.kept_files import forget_files, kept_files
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import OUTCOMES, Record
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.schema import PREDICTIONS, PROVENANCE, SCHEMA
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import FIELDS, METRIC_SPECS
from tune_jobs.trial.fields import plain_words
from tune_jobs.words import counted

if TYPE_CHECKING:
    import pandas as pd

_SHORTEST_PREFIX = 4
_EPOCHS_SHOWN = 12
_IMPORTED = "imported; trained elsewhere, with code that nobody knows, and perhaps not to the same numbers again"
_KNOWN_OF_IMPORTED = ("study", "command")


def show(storage_uri: str, prefix: str) -> int:
    """Print everything that is known of one trial."""
    record = _find(Ledger.open(Storage.at(storage_uri)), prefix)
    metric = METRIC_SPECS[record.metric]
    unit = metric.unit or record.target_unit
    named = f"{metric.label} in {unit}" if unit else metric.label
    print(f"trial {record.key}: {record.outcome.replace('_', ' ')} after {record.epochs} epochs")
    if record.reason:
        print(f"reason: {record.reason}")
    print("configuration:")
    for name, value in json.loads(record.fields).items():
        spec = FIELDS.get(name)
        words = (
            plain_words(value)
            if spec is None or spec.only_reference
            else f"{spec.describe(value)} {spec.unit}".rstrip()
        )
        print(f"  {name}: {words}")
    if not record.is_reported:
        print(f"  data: {record.dataset}, fingerprint {record.fingerprint}")
    print(f"epochs (metric: {named}; time in seconds of training, cumulative):")
    shown = {**record.reported, "train_seconds": record.train_seconds} if record.is_reported else _curves(record)
    widths = {name: max(17, len(name)) for name in shown}
    print("  ".join(["epoch", *(f"{name.replace('_', ' '):>{width}}" for name, width in widths.items())]))
    step = max(1, -(-record.epochs // _EPOCHS_SHOWN))
    for epoch in range(1, record.epochs + 1):
        if epoch % step == 0 or epoch in (1, record.epochs):
            values = (f"{curve[epoch - 1]:{widths[name]}.6g}" for name, curve in shown.items())
            print("  ".join([f"{epoch:5d}", *values]))
    for epoch in record.measured_epochs if not record.is_reported else ():
        loss, score = record.measured(epoch)
        print(f"measured after epoch {epoch}: train loss {loss:.6g}, train {metric.label} {score:.6g} {unit}")
    print("provenance:" if not record.is_imported else f"provenance: {_IMPORTED}")
    for name in PROVENANCE if not record.is_imported else _KNOWN_OF_IMPORTED:
        print(f"  {_provenance(name, getattr(record, name))}")
    if record.traceback:
        print(record.traceback)
    return 0


def _curves(record: Record) -> dict[str, Sequence[float]]:
    return {name: getattr(record, name) for name in CURVES}


def _provenance(name: str, value: object) -> str:
    words = name.replace("_", " ")
    if not name.endswith("_seconds"):
        return f"{words}: {value}"
    return f"{words.removesuffix(' seconds')}: " + ("none" if value is None else f"{value:,.4g} s")


def list_trials(storage_uri: str, *, study: str = "", outcome: str = "", where: Sequence[str] = ()) -> int:
    """Print one line per trial.

    Args:
        storage_uri: of the ledger.
        study: only trials that it trained.
        outcome: only trials that ended so.
        where: only trials whose configuration has these values, each FIELD=VALUE.

    Raises:
        UserError: a filter is none that any trial could pass.
    """
    wanted = outcome.strip().lower().replace(" ", "_")
    if wanted and wanted not in OUTCOMES:
        raise UserError(f"--outcome {cut(outcome)}: is none; give one of {', '.join(OUTCOMES)}")
    values = overrides_from(where, flag="--where")
    records = Ledger.open(Storage.at(storage_uri)).read().records
    known = {name for record in records.values() for name in _fields(record)} if values else set()
    for name in values:
        if name not in known:
            raise UserError(
                f"--where {cut(name)}: no trial of {storage_uri} has such a field; `show` lists those of a trial"
            )
    shown = [
        record
        for record in sorted(records.values(), key=lambda r: r.started_at)
        if study in ("", record.study) and wanted in ("", record.outcome) and _has(record, values)
    ]
    for record in shown:
        last = record.validation_metric[-1] if record.validation_metric else float("nan")
        metric = METRIC_SPECS[record.metric]
        score = f"{metric.label} {last:,.6g} {metric.unit or record.target_unit}" if isfinite(last) else "no metric"
        print(
            f"{record.key}  {record.started_at:%Y-%m-%d %H:%M}  {record.study}  {record.dataset}  "
            f"seed {record.seed}  {counted(record.epochs, 'epoch')}  {record.outcome.replace('_', ' ')}  {score}"
            + ("  imported" if record.is_imported else "")
        )
    of = f" of {len(records)}" if len(shown) < len(records) else ""
    print(f"{len(shown)}{of} trials" if of else counted(len(records), "trial"), file=sys.stderr)
    return 0


def _has(record: Record, values: Mapping[str, Any]) -> bool:
    """Whether a trial was configured with these values."""
    fields = _fields(record) if values else {}
    return all(name in fields and fields[name] == value for name, value in values.items())


def _fields(record: Record) -> dict[str, Any]:
    return {**json.loads(record.fields), "dataset": record.dataset, "seed": record.seed}


def export(storage_uri: str, path: Path) -> int:
    """Write all trials into one file: Parquet with predictions, or CSV without, one line per trial and epoch.

    Raises:
        UserError: the file's name ends in neither .parquet nor .csv, or it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".parquet", ".csv"):
        raise UserError(f"{path}: ends in neither .parquet nor .csv; name the file so that the form is clear")
    contents = Ledger.open(Storage.at(storage_uri)).read(predictions=kind == ".parquet")
    records = sorted(contents.records.values(), key=lambda r: r.key)
    stream = io.BytesIO()
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pylist([r.to_row() for r in records], schema=SCHEMA), stream)
    else:
        _epoch_table(records).to_csv(stream, index=False)
    Storage.at(str(path.parent)).write(stream.getvalue(), path.name)
    print(f"{counted(len(records), 'trial')} in {path}")
    return 0


def merge(storage_uri: str, other_uri: str) -> int:
    """Add the trials of another ledger."""
    other = Ledger.open(Storage.at(other_uri))
    mine = Ledger.open(Storage.at(storage_uri), create=True)
    print(f"{counted(mine.merge(other), 'record')} added")
    return 0


def remove(storage_uri: str, prefixes: list[str], *, confirmed: bool, doubtful: bool = False) -> int:
    """Remove trials, after asking unless told not to.

    Args:
        storage_uri: of the ledger.
        prefixes: the beginnings of keys.
        confirmed: whether not to ask.
        doubtful: whether to remove also the trials that `ledger check` doubts, with their trained models.

    Raises:
        UserError: a prefix fits no trial or several, no trial is named, or nobody can be asked.
    """
    ledger = Ledger.open(Storage.at(storage_uri))
    if not prefixes and not doubtful:
        raise UserError("ledger remove: no trial is named; give the beginnings of keys, or --doubtful")
    doubted = [record.key for record in doubtful_records(ledger.read().records.values())] if doubtful else []
    keys = sorted({*(_find(ledger, prefix).key for prefix in prefixes), *doubted})
    if not keys:
        print("no trial is in doubt: nothing removed")
        return 0
    question = f"remove {counted(len(keys), 'trial')} from {storage_uri} for good?"
    if not agreed("ledger remove", question, confirmed=confirmed):
        print("nothing removed")
        return 0
    _remove_models(ledger.storage, set(doubted))
    kept = kept_files(ledger.storage, folders=True)
    forget_files(ledger.storage, [kept[key] for key in keys if key in kept])
    print(f"{counted(ledger.remove(keys), 'trial')} removed")
    return 0


def agreed(command: str, question: str, *, confirmed: bool) -> bool:
    """Ask whether to go on with what cannot be undone, unless that is confirmed already.

    Raises:
        UserError: nobody can be asked.
    """
    if confirmed:
        return True
    if not sys.stdin.isatty():
        raise UserError(f"{command}: there is no terminal to ask on; give --yes, and it is done for good")
    return input(f"{question} [y/N] ").strip().lower() == "y"


def _remove_models(storage: Storage, keys: Collection[str]) -> None:
    """Delete the models of trials, which `evaluate` would take for those of the same trials trained again."""
    for name in storage.names(MODELS) if keys else ():
        if name.partition("-")[0] in keys:
            storage.delete(MODELS, name)


def _find(ledger: Ledger, prefix: str) -> Record:
    if len(prefix) < _SHORTEST_PREFIX:
        raise UserError(
            f"{prefix!r} is too short for a trial key; give at least {_SHORTEST_PREFIX} characters of its key"
        )
    found = [record for key, record in ledger.read().records.items() if key.startswith(prefix)]
    if not found:
        raise UserError(f"there is no trial {prefix!r} in {ledger.storage.uri}; `ablatune ledger list` lists them")
    if len(found) > 1:
        keys = ", ".join(sorted(record.key for record in found)[:5])
        raise UserError(f"{prefix!r} fits several trials ({keys}); give more of the key")
    return found[0]


def _epoch_table(records: list[Record]) -> "pd.DataFrame":
    import pandas as pd

    of_epochs = {*CURVES, *PREDICTIONS, "epochs", "metrics", "metric_values", "traceback"}
    single = [name for name in SCHEMA.names if name not in of_epochs and not name.startswith("measured")]
    lines = []
    for record in records:
        common = {name: getattr(record, name) for name in single}
        measured = dict(zip(record.measured_epochs, record.measured_train_metric, strict=True))
        lines += [
            {
                **common,
                "epoch": epoch,
                **{name: curve[epoch - 1] for name, curve in {**_curves(record), **record.reported}.items()},
                "measured_train_metric": measured.get(epoch),
            }
            for epoch in range(1, record.epochs + 1)
        ] or [common]
    return pd.DataFrame(lines)
