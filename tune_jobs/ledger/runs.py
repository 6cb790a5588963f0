"""What was asked for: the variants of each study that were run, and the runs that are going on now.

A manifest lets `status` and `report` work where the data is not: it keeps the seeds and the data's
fingerprints. A beacon is refreshed by a run while it lives.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage

STUDIES, ACTIVE = "studies", "active"
BEACON_PERIOD_SECONDS = 10.0
_BEACON_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True)
class Manifest:
    """One variant of a study, as it was last run.

    Attributes:
        overrides: what `--set` changed.
        seeds: the most replicates that were asked for since the study declares what it does.
        declared: the replicates that the study declares.
        fingerprints: of the data, by `tune_jobs.trial.data.data_id`.
        fraction: the share of their epochs that rows were run to.
        datasets: what is known of datasets that are not registered; see `data_utils.DatasetInfo.to_dict`.
    """

    study: str
    overrides: Mapping[str, Any]
    seeds: int
    fingerprints: Mapping[str, str]
    ran_at: str = ""
    command: str = ""
    fraction: float = 1.0
    datasets: Mapping[str, Any] = field(default_factory=dict)
    declared: int = 0

    @property
    def variant(self) -> str:
        """The overrides and the fraction in words; "" for the study as it stands."""
        return variant_words(self.overrides, self.fraction)

    @property
    def id(self) -> str:
        """What names the variant's file."""
        return _variant_id(self.overrides, self.fraction)


@dataclass(frozen=True)
class Beacon:
    """A run that is going on: where, and which trials it is training, key to epochs done."""

    run: str
    study: str
    host: str
    process: int
    seen_at: str
    running: Mapping[str, int] = field(default_factory=dict)


def variant_words(overrides: Mapping[str, Any], fraction: float) -> str:
    """Return what sets a variant of a study apart; "" for the study as it stands."""
    quick = {"fraction": fraction} if fraction < 1 else {}
    return ", ".join(f"{name}={value}" for name, value in sorted({**overrides, **quick}.items()))


def write_manifest(storage: Storage, manifest: Manifest) -> None:
    """Keep the manifest of a variant; the number of seeds shrinks only where the study declares another."""
    before = read_manifests(storage, manifest.study).get(manifest.id)
    merged = asdict(manifest)
    if before is not None:
        if before.declared == manifest.declared:
            merged["seeds"] = max(before.seeds, manifest.seeds)
        merged["fingerprints"] = {**before.fingerprints, **manifest.fingerprints}
    content = json.dumps(merged, indent=1, sort_keys=True).encode()
    storage.write(content, STUDIES, manifest.study, f"{manifest.id}.json")


def read_manifests(storage: Storage, study: str) -> dict[str, Manifest]:
    """Return the manifests of a study's variants, by an id of their overrides.

    Raises:
        UserError: a manifest is torn.
    """

    def torn(address: str, error: Exception) -> None:
        raise UserError(f"{address}: is no manifest ({error}); delete it and run the study again") from error

    found = storage.documents(lambda values: Manifest(**values), STUDIES, study, torn=torn)
    return {manifest.id: manifest for manifest in found}


def find_manifest(storage: Storage, study: str, overrides: Mapping[str, Any], fraction: float = 1.0) -> Manifest | None:
    """Return the manifest that a command without a run means, or None where the study was never run.

    With overrides or a fraction: that variant. Without: the study as it stands, or the only variant that was run.

    Raises:
        UserError: only variants were run, and several of them.
    """
    manifests = read_manifests(storage, study)
    exact = manifests.get(_variant_id(overrides, fraction))
    if exact is not None or overrides or fraction < 1 or not manifests:
        return exact
    if len(manifests) > 1:
        choices = "; ".join(manifest.variant for manifest in manifests.values())
        raise UserError(f"{study}: several variants were run ({choices}); name one with --set or --fraction")
    return next(iter(manifests.values()))


def write_beacon(storage: Storage, beacon: Beacon) -> None:
    """Say that a run is alive."""
    storage.write(json.dumps(asdict(beacon)).encode(), ACTIVE, f"{beacon.run}.json")


def remove_beacon(storage: Storage, run: str) -> None:
    """Say that a run has ended."""
    storage.delete(ACTIVE, f"{run}.json")


def live_beacons(storage: Storage) -> list[Beacon]:
    """Return the runs that were seen within the last minute."""
    oldest = datetime.now(UTC) - _BEACON_LIFETIME
    return [
        beacon
        for beacon in storage.documents(lambda values: Beacon(**values), ACTIVE)
        if datetime.fromisoformat(beacon.seen_at) > oldest
    ]


def now() -> str:
    """Return the time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _variant_id(overrides: Mapping[str, Any], fraction: float) -> str:
    changed = {**overrides, **({"--fraction": fraction} if fraction < 1 else {})}
    if not changed:
        return "as-it-stands"
    return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:12]
