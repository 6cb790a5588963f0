"""Every name stands for something that loads, and says of itself what is true."""

from inspect import getdoc

import pytest
import torch

from models.registry import ACTIVATIONS, METRICS, NETWORKS, OBJECTIVES, OPTIMIZERS, SCHEDULES, Entry, metric_name
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


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_entry_loads_and_reads_only_fields_that_exist(entry: Entry) -> None:
    assert callable(entry.load())
    assert getdoc(entry.load())
    assert entry.label
    assert set(entry.reads) <= set(FIELDS)


@pytest.mark.parametrize("entries", REGISTRIES.values(), ids=REGISTRIES)
def test_labels_are_distinct(entries: dict[str, Entry]) -> None:
    assert len({entry.label for entry in entries.values()}) == len(entries)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_called_monotone_when_they_are(name: str) -> None:
    values = ACTIVATIONS[name].load()()(torch.linspace(-8, 8, 4001, dtype=torch.float64))
    assert ACTIVATIONS[name].monotone == bool((values.diff() >= 0).all())


def test_every_objectives_task_has_a_metric() -> None:
    tasks = {task for entry in OBJECTIVES.values() for task in entry.tasks}
    assert {metric_name(task) for task in tasks} == set(METRICS)
