"""Which variant of a study, how many replicates and which data a command that trains nothing means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_utils.registry import DatasetInfo
from tune_jobs.commands.run import known_or_found_fingerprints
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import find_manifest
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand


@dataclass(frozen=True)
class Selection:
    """A study as it was run."""

    study: Study
    ledger: Ledger
    seeds: int
    fingerprints: Mapping[str, str]
    variant: str


def select_variant(
    study: Study,
    load: Callable[[Mapping[str, Any], float], Study],
    *,
    seeds: int | None,
    storage_uri: str,
    data_dir: Path,
) -> Selection:
    """Return the variant that was run, with its seeds and fingerprints.

    Args:
        study: as it was asked for.
        load: gives the study with other overrides and another fraction, for where only such a variant was run.
        seeds: the replicates that were asked for; None for as many as were run.
        storage_uri: of the ledger.
        data_dir: of the datasets.

    Raises:
        UserError: there is no ledger, or several variants were run and none is named.
    """
    storage = Storage.at(storage_uri)
    ledger = Ledger.find(storage)
    if ledger is None:
        raise UserError(
            f"{storage.uri}: there is no ledger; `ablatune run {study.name}` creates it, --storage names another"
        )
    manifest = find_manifest(storage, study.name, study.overrides, study.fraction)
    if manifest is not None and (manifest.overrides, manifest.fraction) != (study.overrides, study.fraction):
        study = load(manifest.overrides, manifest.fraction)
    known = manifest.fingerprints if manifest is not None else {}
    if manifest is not None:
        study.own.catalog.known = {slot: DatasetInfo.from_dict(info) for slot, info in manifest.datasets.items()}
    edited = manifest is None or manifest.declared not in (0, study.seeds)
    replicates = seeds or (study.seeds if edited or manifest is None else manifest.seeds)
    return Selection(
        study=study,
        ledger=ledger,
        seeds=replicates,
        fingerprints=known_or_found_fingerprints(expand(study), range(replicates), data_dir, known),
        variant=manifest.variant if manifest is not None else "",
    )
