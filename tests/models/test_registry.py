"""Every registered name has code, and what it declares is true."""

from collections.abc import Mapping
from inspect import getdoc

import pytest
import torch

from models.networks import NETWORKS
from models.networks.network import Network
from models.registry import (
    ACTIVATIONS,
    METRICS,
    OBJECTIVES,
    OPTIMIZERS,
    SCHEDULES,
    Entry,
    LazyEntry,
    Registry,
    entry,
    metric_name,
)
from tune_jobs.trial.config import FIELDS

REGISTRIES = {
    "networks": NETWORKS,
    "activations": ACTIVATIONS,
    "objectives": OBJECTIVES,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
}
ENTRIES = {f"{kind}/{name}": entry for kind, entries in REGISTRIES.items() for name, entry in entries.items()}


def test_no_registry_is_empty() -> None:
    assert all(len(entries) >= 3 for entries in REGISTRIES.values())


@pytest.mark.parametrize("known", ENTRIES.values(), ids=ENTRIES)
def test_every_entry_has_code_and_reads_only_fields_that_exist(known: Entry) -> None:
    assert isinstance(known, LazyEntry | Network)
    code = [known.load()] if isinstance(known, LazyEntry) else [known.build, known.check, known.multiplications]
    for function in code:
        assert callable(function)
        assert getdoc(function)
    assert known.label
    assert set(known.reads) <= set(FIELDS)
    assert not known.user_code


@pytest.mark.parametrize("entries", REGISTRIES.values(), ids=REGISTRIES)
def test_labels_are_distinct(entries: Mapping[str, Entry]) -> None:
    assert len({known.label for known in entries.values()}) == len(entries)


@pytest.mark.parametrize("registry", [NETWORKS, OBJECTIVES, OPTIMIZERS, SCHEDULES])
def test_a_reference_is_an_entry_of_user_code_and_is_not_registered(registry: Registry[Entry]) -> None:
    found = entry(registry, "their.module:Thing")
    assert (found.label, found.user_code) == ("Thing", True)
    assert "their.module:Thing" not in registry


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_declared_monotone_where_they_are(name: str) -> None:
    values = ACTIVATIONS[name].load()()(torch.linspace(-8, 8, 4001, dtype=torch.float64))
    assert ACTIVATIONS[name].monotone == bool((values.diff() >= 0).all())


def test_every_objectives_task_has_a_metric() -> None:
    tasks = {task for objective in OBJECTIVES.values() for task in objective.tasks}
    assert {metric_name(task) for task in tasks} == set(METRICS)
