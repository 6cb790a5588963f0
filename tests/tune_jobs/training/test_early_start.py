"""Ray starts while the data are read, unless that would be in vain."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray

from data_utils import DatasetError
from tune_jobs.errors import UserError
from tune_jobs.training import data as data_module
from tune_jobs.training import early_start, ray_session
from tune_jobs.training.settings import Cluster
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.user_code.modules import Code

DIGITS = TrialConfig(dataset="digits")


@pytest.fixture
def ray_exit() -> Iterator[ExitStack]:
    with ExitStack() as until:
        yield until


def run(ray_exit: ExitStack | None, address: str | None = None) -> Any:
    settings = SimpleNamespace(
        cluster=Cluster(address=address, cpus=1),
        data_dir="data",
    )
    study = SimpleNamespace(own=SimpleNamespace(code=Code()))
    return SimpleNamespace(ray_exit=ray_exit, settings=settings, study=study, data={})


def about_worker() -> tuple[int, bool]:
    """Return the parent of a worker, and whether it has PyTorch."""
    return os.getppid(), "torch" in sys.modules


def test_ray_is_up_once_the_data_are_read_and_starts_anew_only_for_data_without_room(ray_exit: ExitStack) -> None:
    data = early_start.load_as_ray_starts(run(ray_exit), [DIGITS])
    assert set(data) == {data_slot(DIGITS)}
    first = ray.get_runtime_context().get_node_id()
    with ray_session.ray_running(Cluster(cpus=1), data, ray_exit):
        assert ray.get_runtime_context().get_node_id() == first
        assert np.array_equal(
            ray.get(ray.put(data))[data_slot(DIGITS)].train_targets, next(iter(data.values())).train_targets
        )
    parent, has_torch = ray.get(ray.remote(about_worker).remote())
    assert "fork_server.py" in Path(f"/proc/{parent}/cmdline").read_text()
    assert has_torch
    assert not ray_session._has_room(ray_session._GUESSED_BYTES + ray_session._SPARE_BYTES)
    ray_exit.close()
    assert not ray.is_initialized()
    assert not Path(f"/proc/{parent}").exists()


@pytest.mark.parametrize(
    "what",
    [
        {"network": "torchvision.models:resnet18"},
        {"address": "127.0.0.1:1"},
        {"shared": 0},
        {"exit": None},
    ],
    ids=lambda what: next(iter(what)),
)
def test_nothing_starts_early_where_that_may_be_in_vain(
    what: dict[str, Any], ray_exit: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_session, "_start_ray", lambda *told: pytest.fail("started"))
    what = dict(what)
    parts = [DIGITS.replace(network=what.pop("network"))] if "network" in what else []
    if what.pop("shared", None) is not None:
        monkeypatch.setattr(ray_session.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    given = what.pop("exit", ray_exit)
    assert early_start.load_as_ray_starts(run(given, **what), [DIGITS], parts=parts)


def test_data_that_cannot_be_read_are_an_error_all_the_same(
    ray_exit: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*told: Any) -> None:
        raise DatasetError("digits: no such file")

    monkeypatch.setattr(data_module, "find_trial_data", refuse)
    monkeypatch.setattr(ray_session, "_start_ray", lambda *told: None)
    monkeypatch.setattr(ray_session, "_leave_ray", lambda: None)
    with pytest.raises(UserError, match="no such file"):
        early_start.load_as_ray_starts(run(ray_exit), [DIGITS])


def test_a_round_reads_only_what_the_last_did_not_and_keeps_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def find(config: TrialConfig, *told: Any) -> Any:
        read.append(config.split_seed)
        return config.split_seed

    monkeypatch.setattr(data_module, "find_trial_data", find)
    going_on = run(None)
    for seeds in ((1, 2), (2, 3), (2, 1)):
        data = early_start.load_as_ray_starts(going_on, [DIGITS.replace(split_seed=seed) for seed in seeds])
        assert sorted(data.values()) == sorted(seeds)
        assert going_on.data == data
    assert read == [1, 2, 3, 1]
