"""Manifests of the variants of a study that were run, and beacons of the runs in progress.

A manifest keeps the seeds and the fingerprints of the data, so `status` and `report` work without the data. A run
refreshes its beacon while it lives.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.files import folded_name
from tune_jobs.storage.storage import Storage

STUDIES, ACTIVE = "studies", "active"
# How often a run renews its beacon in a storage that costs requests, and in a folder.
BEACON_PERIOD_SECONDS, LOCAL_BEACON_PERIOD_SECONDS = 10.0, 2.0
_BEACON_LIFETIME = timedelta(seconds=60)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """A variant of a study, as it was last run.

    Attributes:
        overrides: what `--set` changed.
        seeds: the most replicates that were run while the study declared `declared`.
        declared: how many replicates the study declares.
        fingerprints: of the data, by `tune_jobs.trial.data.data_id`.
        fraction: of the epochs that was trained.
        datasets: facts about the user's datasets; see `data_utils.DatasetInfo.to_dict`.
        modes: whether the trials of each table train in stacks, by its name; none before there were stacks.
        looks: numbers of seeds at which levels are decided, where `run` was told to add seeds until they are.
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
    modes: Mapping[str, str] = field(default_factory=dict)
    looks: Sequence[int] = ()

    @property
    def variant(self) -> str:
        """The overrides and the fraction in words; "" for the study as declared."""
        return variant_words(self.overrides, self.fraction)

    @property
    def id(self) -> str:
        """The name of the variant's file."""
        return variant_id(self.overrides, self.fraction)


@dataclass(frozen=True)
class Beacon:
    """A run in progress.

    Attributes:
        running: the epochs done, by key, of the trials in training.
        curves: of these trials, epochs with their validation metric.
        share: of the work that is done, 0 to 1; None where a run does not say.
        seconds_left: from `seen_at` on; None while that cannot be told.
        best: what the best trials so far have reached, in words, and which trials they are.
    """

    run: str
    study: str
    host: str
    process: int
    seen_at: str
    running: Mapping[str, int] = field(default_factory=dict)
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    share: float | None = None
    seconds_left: float | None = None
    best: Sequence[tuple[str, str]] = ()


def variant_words(overrides: Mapping[str, Any], fraction: float) -> str:
    """Say how a variant differs from the study as declared; "" if it does not."""
    shortened = {"fraction": fraction} if fraction < 1 else {}
    return ", ".join(f"{name}={value}" for name, value in sorted({**overrides, **shortened}.items()))


def write_manifest(storage: Storage, manifest: Manifest) -> None:
    """Keep the manifest of a variant; its number of seeds shrinks only if the study now declares another.

    Raises:
        UserError: the storage has a study whose name differs only in case: some file systems would mix the two up.
    """
    for other in storage.names(STUDIES):
        if other != manifest.study and folded_name(other) == folded_name(manifest.study):
            raise UserError(
                f"{manifest.study}: {storage.uri} has a study {other}, whose name differs only in case; rename the "
                "study's file, or give another --storage"
            )
    before = read_manifests(storage, manifest.study).get(manifest.id)
    merged = asdict(manifest)
    if before is not None:
        if before.declared == manifest.declared:
            merged["seeds"] = max(before.seeds, manifest.seeds)
        merged["fingerprints"] = {**before.fingerprints, **manifest.fingerprints}
        merged["modes"] = {**before.modes, **manifest.modes}
        merged["looks"] = manifest.looks or before.looks
    content = json.dumps(merged, indent=1, sort_keys=True).encode()
    storage.write(content, STUDIES, manifest.study, f"{manifest.id}.json")


def read_manifests(storage: Storage, study: str) -> dict[str, Manifest]:
    """Read the manifests of a study's variants, by their ids; one that is cut or damaged is logged and passed over."""
    manifests = storage.documents(manifest_of, STUDIES, study, torn=_say_never_run)
    return {manifest.id: manifest for manifest in manifests}


def _say_never_run(address: str, error: Exception) -> None:
    _log.warning(
        "%s: is cut or damaged (%s): this variant of the study counts as never run, and the next run of it writes the "
        "file anew; no trial is lost",
        address,
        error,
    )


def find_manifest(storage: Storage, study: str, overrides: Mapping[str, Any], fraction: float = 1.0) -> Manifest | None:
    """Find the manifest that a command means which trains nothing; None if the study was never run.

    With overrides or a fraction: that variant. Without: the study as declared, or the only variant that was run.

    Raises:
        UserError: several variants were run, but not the study as declared.
    """
    manifests = read_manifests(storage, study)
    exact = manifests.get(variant_id(overrides, fraction))
    if exact is not None or overrides or fraction < 1 or not manifests:
        return exact
    if len(manifests) > 1:
        choices = "; ".join(manifest.variant for manifest in manifests.values())
        raise UserError(f"{study}: several variants were run ({choices}); name one with --set or --fraction")
    return next(iter(manifests.values()))


def write_beacon(storage: Storage, beacon: Beacon) -> None:
    """Mark a run as alive."""
    storage.write(json.dumps(asdict(beacon)).encode(), ACTIVE, f"{beacon.run}.json")


def remove_beacon(storage: Storage, run: str) -> None:
    """Mark a run as ended."""
    storage.delete(ACTIVE, f"{run}.json")


def live_beacons(storage: Storage) -> list[Beacon]:
    """The runs that were alive within the last minute."""
    oldest = datetime.now(UTC) - _BEACON_LIFETIME
    return [
        beacon for beacon in storage.documents(beacon_of, ACTIVE) if datetime.fromisoformat(beacon.seen_at) > oldest
    ]


def running_trials(beacons: Iterable[Beacon]) -> dict[str, int]:
    """The epochs done, by key, of the trials that some runs are training."""
    return {key: epoch for beacon in beacons for key, epoch in beacon.running.items()}


def manifest_of(values: Any) -> Manifest:
    """Make a manifest from the content of its file."""
    return Manifest(**values)


def beacon_of(values: Any) -> Beacon:
    """Make a beacon from the content of its file."""
    beacon = Beacon(**values)
    datetime.fromisoformat(beacon.seen_at)
    return beacon


def now() -> str:
    """The time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def variant_file(study: str, variant: str) -> str:
    """Name the file that a ledger keeps of a variant of a study; see `variant_id`."""
    return f"{study}-{variant}.json"


def variant_id(overrides: Mapping[str, Any], fraction: float) -> str:
    """The id of a variant's manifest."""
    changed = {**overrides, **({"--fraction": fraction} if fraction < 1 else {})}
    if not changed:
        return "as-it-stands"
    return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:12]
