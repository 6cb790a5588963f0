"""Variants that were run are found again; runs that live are seen, dead ones are not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.ledger.runs import (
    Beacon,
    Manifest,
    find_manifest,
    live_beacons,
    now,
    read_manifests,
    remove_beacon,
    write_beacon,
    write_manifest,
)
from tune_jobs.storage.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path))


def test_the_number_of_seeds_never_shrinks(storage: Storage) -> None:
    write_manifest(storage, Manifest("s", {}, 5, {"digits": "a"}))
    write_manifest(storage, Manifest("s", {}, 3, {"usps": "b"}))
    found = find_manifest(storage, "s", {})
    assert found is not None
    assert (found.seeds, found.fingerprints) == (5, {"digits": "a", "usps": "b"})


def test_a_study_whose_name_differs_only_in_case_is_refused(storage: Storage) -> None:
    write_manifest(storage, Manifest("Größe", {}, 1, {}))
    write_manifest(storage, Manifest("Größe", {"epochs": 2}, 1, {}))
    with pytest.raises(UserError, match=r"GRÖSSE: .* has a study Größe, whose name differs only in case; rename"):
        write_manifest(storage, Manifest("GRÖSSE", {}, 1, {}))
    assert not read_manifests(storage, "GRÖSSE")


def test_which_variant_is_meant(storage: Storage) -> None:
    assert find_manifest(storage, "s", {}) is None
    write_manifest(storage, Manifest("s", {"epochs": 3}, 1, {}))
    only = find_manifest(storage, "s", {})
    assert only is not None
    assert only.variant == "epochs=3"
    write_manifest(storage, Manifest("s", {"epochs": 4}, 1, {}))
    with pytest.raises(UserError, match=r"several variants were run \(.*epochs=.*\); name one with --set"):
        find_manifest(storage, "s", {})
    write_manifest(storage, Manifest("s", {}, 2, {}))
    plain = find_manifest(storage, "s", {})
    assert plain is not None
    assert plain.overrides == {}
    assert find_manifest(storage, "s", {"epochs": 5}) is None
    assert len(read_manifests(storage, "s")) == 3


def test_a_torn_manifest_is_named_and_written_anew(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    write_manifest(storage, Manifest("s", {"epochs": 3}, 1, {}))
    lost = Manifest("s", {}, 5, {"digits": "a"})
    write_manifest(storage, lost)
    storage.write(b"{", "studies", "s", f"{lost.id}.json")
    assert [manifest.variant for manifest in read_manifests(storage, "s").values()] == ["epochs=3"]
    (line,) = caplog.messages
    assert f"{lost.id}.json: is cut or damaged" in line
    assert "the next run of it writes the file anew; no trial is lost" in line
    write_manifest(storage, Manifest("s", {}, 3, {"digits": "a"}))
    assert read_manifests(storage, "s")[lost.id].seeds == 3


def test_a_torn_beacon_is_named_and_passed_over(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    write_beacon(storage, Beacon("alive", "s", "host", 1, now()))
    storage.write(b'{"run": "x"', "active", "torn.json")
    values = {"run": "x", "study": "s", "host": "h", "process": 1, "seen_at": "yesterday"}
    storage.write(json.dumps(values).encode(), "active", "undated.json")
    assert [beacon.run for beacon in live_beacons(storage)] == ["alive"]
    assert ["torn.json" in caplog.messages[0], "undated.json" in caplog.messages[1]] == [True, True]


def test_only_live_runs_are_seen(storage: Storage) -> None:
    write_beacon(storage, Beacon("alive", "s", "host", 1, now(), {"k": 3}))
    old = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    write_beacon(storage, Beacon("dead", "s", "host", 1, old))
    assert [beacon.run for beacon in live_beacons(storage)] == ["alive"]
    assert json.loads(storage.read("active", "alive.json"))["running"] == {"k": 3}
    remove_beacon(storage, "alive")
    remove_beacon(storage, "alive")
    assert live_beacons(storage) == []
