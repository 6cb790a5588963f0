"""Runs of studies with nasty modules: the rows beside them have the numbers that they have without them."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tune_jobs.commands.test_run import ablatune, assert_equal, numbers
from tests.tune_jobs.user_code.nasty import NASTY
from tests.tune_jobs.user_code.test_modules import write

# An exception in a network fails its trial, and so the run.
FAIL = {"raises", "exits", "crashes", "float64", "patches_project"}


def shipped_numbers(folder: Path, nasty: Sequence[str], storage: str, *, cpus: int) -> dict[str, dict[str, Any]]:
    """Run a study of two shipped networks and nasty ones; return the numbers of the shipped ones."""
    levels = ["{label: four, set: {hidden_units: 4}}", "{label: eight, set: {hidden_units: 8, dropout: 0.1}}"]
    levels[1:1] = [f"{{label: {name}, set: {{network: 'n_{name}:Net'}}}}" for name in nasty]
    (folder / "study.yaml").write_text(
        "seeds: 2\nbase: {dataset: digits, hidden_units: 8, epochs: 1}\n"
        f"tables:\n  - {{name: nets, label: Network, levels: [{', '.join(levels)}]}}\n"
    )
    fails = bool(FAIL & set(nasty))
    said = ablatune("run", "study.yaml", "--storage", storage, "--cpus", cpus, cwd=folder, expect=int(fails))
    assert "lost" not in said
    return {key: found for key, found in numbers(folder / storage).items() if "n_" not in found["fields"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, **{f"n_{name}": text for name, text in NASTY.items()})
    return tmp_path


def test_a_level_that_patches_torch_changes_its_own_trials_alone(folder: Path) -> None:
    without = shipped_numbers(folder, [], "without", cpus=1)
    assert len(without) == 4
    beside = shipped_numbers(folder, ["patches_init", "float64", "exits", "starts_a_thread"], "beside", cpus=1)
    assert_equal(beside, without)


@pytest.mark.long
@pytest.mark.parametrize("cpus", [1, 2])
def test_no_nasty_module_changes_another_trial(folder: Path, cpus: int) -> None:
    without = shipped_numbers(folder, [], "without", cpus=2)
    order = sorted(NASTY)
    random.Random(cpus).shuffle(order)
    assert_equal(shipped_numbers(folder, order, "beside", cpus=cpus), without)
