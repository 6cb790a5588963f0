"""From which size on stacking pays: what is measured, kept, and asked."""

import math
from pathlib import Path

import pytest

from tune_jobs.stacking.measured import measure_rule
from tune_jobs.stacking.memory import StackMemory
from tune_jobs.stacking.rule import FOLDER, Rule, keep_rule, kept_rule, step_size
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig

RULE = Rule("cpu/x", (100.0, 10_000.0), (0.2, 1.0))


def test_the_ratio_is_linear_in_the_logarithm_and_constant_beyond() -> None:
    assert [RULE.ratio(size) for size in (0, 1, 100)] == [0.2] * 3
    assert RULE.ratio(1000) == pytest.approx(0.6)
    assert [RULE.ratio(size) for size in (10_000, 1e12)] == [1.0] * 2


def test_a_step_is_the_products_of_all_rows_of_a_batch() -> None:
    config = TrialConfig(dataset="digits", network="mlp", hidden_layers=2, hidden_units=10, batch_size=7)
    assert step_size(config) == 7 * (64 * 10 + 10 * 10 + 10 * 10)


def test_long_trainings_weigh_more_than_short_ones() -> None:
    small = TrialConfig(dataset="digits", network="linear", batch_size=1)
    large = TrialConfig(dataset="digits", network="mlp", hidden_units=64, batch_size=10)
    rule = Rule("", (float(step_size(small)), float(step_size(large))), (0.1, 1.5))
    assert rule.pays([small.replace(epochs=100), large.replace(epochs=1)])
    assert not rule.pays([small.replace(epochs=1), large.replace(epochs=100)])


def test_a_little_is_not_enough() -> None:
    config = TrialConfig(dataset="digits", network="mlp")
    assert Rule("", (1.0,), (0.79,)).pays([config])
    assert not Rule("", (1.0,), (0.81,)).pays([config])


def test_a_storage_keeps_the_rule_of_each_kind_of_machine(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path))
    assert kept_rule(storage, "cpu/x") is None
    other = Rule("cuda/y", (5.0,), (0.5,), StackMemory(1e8, 1.5, 4e9))
    keep_rule(storage, RULE)
    keep_rule(storage, other)
    assert (kept_rule(storage, "cpu/x"), kept_rule(storage, "cuda/y")) == (RULE, other)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"machine_kind": "cpu/x", "sizes": [], "ratios": []}',
     '{"machine_kind": "cpu/x", "sizes": [2, 1], "ratios": [1, 1]}',
     '{"machine_kind": "cpu/x", "sizes": [1, 2], "ratios": [1]}',
     '{"machine_kind": "cpu/x", "sizes": [0, 2], "ratios": [1, 1]}',
     '{"machine_kind": "cpu/x", "sizes": [1, 2], "ratios": [1, NaN]}'],
)  # fmt: skip
def test_a_damaged_rule_counts_as_none(content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage.at(str(tmp_path))
    storage.write(content.encode(), FOLDER, "x.json")
    assert kept_rule(storage, "cpu/x") is None
    assert "x.json" in caplog.text


# Some 15 s of training; that the rule is measured and kept is tested in every run.
@pytest.mark.long
def test_measuring_finds_a_ratio_for_each_size() -> None:
    rule = measure_rule(processes=2)
    assert rule is not None
    assert rule.machine_kind.startswith("cpu/")
    assert list(rule.sizes) == sorted(rule.sizes)
    assert all(0 < ratio < math.inf for ratio in rule.ratios)
