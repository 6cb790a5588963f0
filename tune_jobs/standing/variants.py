"""Which variant of a study, how many replicates and which data a command that trains nothing means."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_utils.registry import DatasetInfo
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import find_manifest
from tune_jobs.stacking.choice import with_modes_as_run
from tune_jobs.standing.fingerprints import known_or_found_fingerprints
from tune_jobs.standing.kept_modes import stand_with_modes
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study


def stand_as_run(
    study: Study,
    load: Callable[[Mapping[str, Any], float], Study],
    *,
    seeds: int | None,
    storage_uri: str,
    data_dir: Path,
) -> Standing:
    """Work out where a study stands, in the variant and with the replicates that were run.

    Args:
        study: as it was asked for.
        load: reads the study with other overrides and another fraction, in case only such a variant was run.
        seeds: how many replicates were asked for; None for as many as were run.
        storage_uri: of the ledger.
        data_dir: of the datasets.

    Raises:
        UserError: there is no ledger, or several variants were run and none is named.
    """
    storage = Storage.at(storage_uri)
    ledger = Ledger.find(storage)
    if ledger is None:
        raise UserError(
            f"{storage.uri}: there is no ledger; `{study.command('run')}` creates it, --storage names another"
        )
    manifest = find_manifest(storage, study.name, study.overrides, study.fraction)
    if manifest is None:
        asked = range(seeds or study.seeds)
        found = known_or_found_fingerprints(study, asked, data_dir, {})
        return stand_with_modes(study, storage, ledger, asked, found, stack=study.resources.stack)
    if (manifest.overrides, manifest.fraction) != (study.overrides, study.fraction):
        study = load(manifest.overrides, manifest.fraction)
    study = with_modes_as_run(study, storage, seeds or study.seeds, manifest.modes)
    study.own.catalog.known = {slot: DatasetInfo.from_dict(info) for slot, info in manifest.datasets.items()}
    if manifest.looks and not study.looks:
        study = replace(study, looks=tuple(manifest.looks))
    edited = manifest.declared not in (0, study.seeds)
    replicates = range(seeds or (study.seeds if edited else manifest.seeds))
    found = known_or_found_fingerprints(study, replicates, data_dir, manifest.fingerprints)
    return stand(study, ledger, replicates, found, variant=manifest.variant)
