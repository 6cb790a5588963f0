"""How a command comes to its choice: from the manifest, the storage's rule, a measurement, or what is shipped."""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from models.version import SINGLE, STACKED
from tune_jobs.ledger import provenance
from tune_jobs.ledger.runs import Manifest, write_manifest
from tune_jobs.stacking import measured as measuring
from tune_jobs.stacking.choice import memory_on_gpu, places_on, with_modes
from tune_jobs.stacking.memory import Peak, Places, StackMemory
from tune_jobs.stacking.rule import Rule, keep_rule, kept_rule
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study

KIND = provenance.machine_kind("cpu", 1)
NEVER = Rule(KIND, (1.0,), (2.0,))


@pytest.fixture
def study(tiny_study: Path) -> Study:
    return load_study(str(tiny_study))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path / "results"))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the devices that were measured; on each, stacking never pays."""
    devices: list[str] = []

    def measure(device: str, processes: int) -> Rule:
        devices.append(device)
        return NEVER

    monkeypatch.setattr(measuring, "measure_rule", measure)
    return devices


def long(study: Study) -> Study:
    return replace(study, base={**study.base, "epochs": 10_000})


def modes(study: Study, storage: Storage, *, stack: str | int = "auto", keep: bool = True) -> set[str]:
    return set(with_modes(study, storage, 2, stack, keep=keep, say=lambda line: None).modes.values())


def test_a_short_study_takes_what_is_shipped(study: Study, storage: Storage, measured: list[str]) -> None:
    assert modes(study, storage) == {STACKED}
    assert measured == []


def test_a_long_study_measures_once_for_its_storage(study: Study, storage: Storage, measured: list[str]) -> None:
    assert modes(long(study), storage) == {SINGLE}
    assert modes(long(study), storage) == {SINGLE}
    assert modes(study, storage) == {SINGLE}, "a short one takes the storage's too"
    assert measured == ["cpu"]
    assert kept_rule(storage, KIND) == NEVER


def test_what_only_counts_measures_and_keeps_nothing(study: Study, storage: Storage, measured: list[str]) -> None:
    assert modes(long(study), storage, keep=False) == {STACKED}
    keep_rule(storage, NEVER)
    assert modes(long(study), storage, keep=False) == {SINGLE}
    assert measured == []


@pytest.mark.parametrize("stack", ["off", 4])
def test_nothing_is_measured_if_it_would_decide_nothing(
    stack: str | int, study: Study, storage: Storage, measured: list[str]
) -> None:
    modes(long(study), storage, stack=stack)
    write_manifest(storage, Manifest(study.name, {}, 2, {}, modes=dict.fromkeys(("hidden_units", "epochs"), STACKED)))
    assert modes(long(study), storage) == {STACKED}
    assert measured == []


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this machine has one."""
    monkeypatch.setattr(measuring, "machine_kind", lambda device: f"{device}/x")


@pytest.mark.usefixtures("gpu")
def test_on_a_gpu_places_are_measured_once_and_stay(
    study: Study, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = StackMemory(1e8, 1.5, 4e9)
    rule = Rule("cuda/x", (1.0,), (0.1,), memory)
    measured: list[str] = []

    def measure(device: str, processes: int) -> Rule:
        measured.append(device)
        return rule

    monkeypatch.setattr(measuring, "measure_rule", measure)
    assert places_on("cuda", storage, "auto") == Places(), "nothing is measured yet"
    for _ in range(2):
        with_modes(study, storage, 2, "auto", device="cuda", say=lambda line: None)
        assert places_on("cuda", storage, "auto") == Places(memory=memory)
    assert measured == ["cuda"], "even for a short study"
    assert memory_on_gpu(storage) == memory


def test_places_are_those_asked_for_and_none_on_a_cpu(storage: Storage) -> None:
    assert places_on("cpu", storage, "auto") is None
    assert places_on("cuda", storage, 12) == Places(given=12)


def test_the_memory_of_processes_that_share_a_gpu_is_fitted_together() -> None:
    one = {"points": [], "free": 40e9, "peaks": [asdict(Peak(1e6, 8, 16, 1.8e7, 2.6e7))]}
    other = {"points": [], "free": 38e9, "peaks": [asdict(Peak(1e6, 8, 16, 1.6e7, 3.2e7))]}
    memory = measuring.memory_found([one, other])
    assert memory == StackMemory(fixed_bytes=1e7, factor=2.0, budget_bytes=16e9)
    assert measuring.memory_found([{"points": []}]) is None, "a CPU"


def test_each_variant_has_its_own_choice(study: Study, storage: Storage) -> None:
    write_manifest(
        storage, Manifest(study.name, {"epochs": 7}, 2, {}, modes={"hidden_units": SINGLE, "epochs": SINGLE})
    )
    assert modes(study, storage) == {STACKED}
    assert modes(replace(study, overrides={"epochs": 7}), storage) == {SINGLE}


def test_a_machine_without_a_gpu_has_no_kind_of_it() -> None:
    assert measuring.machine_kind("cpu") == KIND
    assert measuring.machine_kind("cuda") == (
        "" if not torch.cuda.is_available() else provenance.machine_kind("cuda", 1)
    )


def test_the_driver_chooses_without_pytorch(tiny_study: Path, tmp_path: Path) -> None:
    script = f"""
import sys
from dataclasses import replace
from tune_jobs.stacking import measured
from tune_jobs.stacking.choice import with_modes
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
measured.measure_rule = lambda *told: None  # which takes seconds, in processes of its own
study = load_study({str(tiny_study)!r})
long = replace(study, base={{**study.base, "epochs": 10_000}})
with_modes(long, Storage.at({str(tmp_path / "results")!r}), 2, "auto", say=lambda line: None)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
