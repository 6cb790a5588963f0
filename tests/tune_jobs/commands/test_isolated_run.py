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
FAIL = {"raises", "float64", "patches_project"}
# What ends the process is found before the first trial.
REFUSED = {"exits", "crashes"}


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
    return {key: found for key, found in numbers(folder / storage).items() if ":Net" not in found["fields"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, **{f"n_{name}": text for name, text in NASTY.items()})
    return tmp_path


@pytest.mark.long
def test_a_level_that_patches_torch_changes_its_own_trials_alone(folder: Path) -> None:
    without = shipped_numbers(folder, [], "without", cpus=1)
    assert len(without) == 4
    beside = shipped_numbers(folder, ["patches_init", "float64", "starts_a_thread"], "beside", cpus=1)
    assert_equal(beside, without)


def test_a_network_that_ends_its_process_is_one_line_before_the_first_trial(folder: Path) -> None:
    (folder / "study.yaml").write_text(
        "base: {dataset: digits, hidden_units: 8, epochs: 1}\n"
        "tables:\n  - {factor: network, levels: [mlp, 'n_exits:Net']}\n"
    )
    said = ablatune("run", "study.yaml", "--storage", "r", cwd=folder, expect=2)
    assert "ablatune: n_exits:Net: its process ended with exit code 3 (n_exits.py:14, in forward); your code" in said
    assert numbers(folder / "r") == {}


@pytest.mark.long
@pytest.mark.parametrize("cpus", [1, 2])
def test_no_nasty_module_changes_another_trial(folder: Path, cpus: int) -> None:
    without = shipped_numbers(folder, [], "without", cpus=2)
    order = sorted(set(NASTY) - REFUSED)
    random.Random(cpus).shuffle(order)
    assert_equal(shipped_numbers(folder, order, "beside", cpus=cpus), without)
