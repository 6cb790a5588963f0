"""What `plan` says about a run, from made-up pilots, and once from real ones."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ablatune
from tests.tune_jobs.commands.test_run import ablatune as command
from tests.tune_jobs.forecast.test_estimate import pilot
from tests.tune_jobs.standing.test_stages import STUDY as STAGED
from tune_jobs.capacity.packing import Node
from tune_jobs.forecast import plan as module
from tune_jobs.forecast.pilot_samples import PilotResults, samples
from tune_jobs.forecast.plan import work_of
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial

Plan = Callable[..., Any]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A function that plans a study as if every epoch took a second, on nodes of two CPUs."""

    def planned(text: str, *, failing: str = "", skipped: str = "", nodes_up: int = 1, **options: Any) -> Any:
        load = options.pop("load", 0.0)
        path = tmp_path / "planned.yaml"
        path.write_text(text)

        def found(study: Any, run_options: Any, storage: Any, data: Any, missing: Any) -> Any:
            shapes = [sample.shape for sample in samples(study, missing)]
            failures = {shape: "it broke" for shape in shapes if failing and failing in shape}
            timed = [s for s in shapes if s not in failures and not (skipped and skipped in s)]
            pilots = [pilot(shape, *seconds) for shape in timed for seconds in ([0.9], [1.1])]
            nodes = [Node(f"node {n}", 2) for n in range(nodes_up)]
            return module._Found(nodes, ["writable"], PilotResults(pilots, failures, [0.0], 0, 0), 10.0, 3.0)

        monkeypatch.setattr(module, "_look_and_pilot", found)
        monkeypatch.setattr(module.os, "getloadavg", lambda: (load, 0.0, 0.0))
        return ablatune.Study.load(path, storage=tmp_path / "results").plan(**options)

    return planned


TABLE = """\
seeds: 2
base: {dataset: digits, epochs: 10, hidden_units: 4}
tables:
  - {factor: hidden_units, levels: [4, 8]}
  - {factor: epochs, levels: [5, 10]}
final: {hidden_units: 8}
"""


def test_the_time_follows_from_epochs_overheads_and_slots(plan: Plan) -> None:
    found = plan(TABLE)
    # Four trials of ten epochs; those with 4 units are read after five epochs as well.
    each = [0.25 + 10 * 1.0 + reads * 0.5 for reads in (2, 2, 1, 1)]
    assert found.at_once == 2
    assert found.estimate.busy.expected == pytest.approx(sum(each))
    assert found.wall_seconds.expected == pytest.approx(10 + each[0] + each[2], abs=0.2)
    assert found.wall_seconds.low < found.wall_seconds.expected < found.wall_seconds.high
    assert found.cpu_hours.expected == pytest.approx(sum(each) / 3600)
    assert plan(TABLE, max_concurrent=1).estimate.wall.expected == pytest.approx(sum(each), abs=11)


def test_the_words_have_counts_ranges_and_units(plan: Plan) -> None:
    text = str(plan(TABLE, rate=3.6, load=2.0))
    for words in (
        "5 rows × 2 seeds = 10 table cells, filled by 4 trainings",
        "saved: 50 epochs",
        "timed: 2 shapes of trial, in 3 s",
        "wall time: about 32 s (",
        "load average 2.0",
        "CPU-hours",
        "at once: 2 trials on 1 node, each with 1 CPU",
        "of TensorBoard logs",
        "keeps at most 4 models of up to 400 B",
        "storage: writable",
        "data: digits: 1,437 rows",
    ):
        assert words in text, f"{words!r} is not in\n{text}"
    assert re.search(r"price: about 0\.03\d? \(.*for 1 node at 3\.6 an hour each", text)
    assert "GPU" not in text
    assert "would fail" not in text


def test_a_price_is_that_of_all_nodes_for_the_wall_time(plan: Plan) -> None:
    found = plan(TABLE, rate=7.2, nodes=3)
    assert found.at_once == 6
    assert found.price.expected == pytest.approx(found.wall_seconds.expected * 3 * 7.2 / 3600)
    assert "3 nodes like this one" in str(found)
    with pytest.raises(ablatune.UserError, match="--rate: -1 is not a price"):
        plan(TABLE, rate=-1.0)


def test_what_raises_is_said_and_not_counted(plan: Plan) -> None:
    found = plan(TABLE, failing='"hidden_units": 8')
    assert "would fail: 2 trials: it broke" in str(found)
    assert found.estimate.busy.expected < plan(TABLE).estimate.busy.expected
    nothing = plan(TABLE, failing="hidden_units")
    assert nothing.estimate is None
    assert "wall time" not in str(nothing)


def test_what_was_not_timed_is_said_and_scaled(plan: Plan) -> None:
    found = plan(TABLE, skipped='"hidden_units": 8')
    assert "not timed for lack of time: 1 shape" in str(found)
    assert found.estimate.busy.expected == pytest.approx(plan(TABLE).estimate.busy.expected, rel=0.3)


def test_early_stopping_and_a_time_limit_shorten(plan: Plan) -> None:
    stopping = plan(TABLE.replace("epochs: 10", "epochs: 10, early_stopping_patience: 2"))
    assert stopping.estimate.busy.low < 0.5 * stopping.estimate.busy.high
    assert "stops as early as its early stopping allows" in str(stopping)
    limited = plan(TABLE, time_limit_minutes=0.05)
    assert limited.estimate.busy.high == pytest.approx(4 * 3)


def test_stages_to_come_are_counted_from_where_the_stages_stand(plan: Plan) -> None:
    found = plan(STAGED)
    assert [one.stage for one in found.later] == ["longer", "network", "rate"]
    # Three fresh replicates of what each stage settles on; two seeds of the levels that are not known yet, of which
    # stage network has two: four kernels without padding are too many for the image.
    assert [one.trials for one in found.later] == [3, 4 + 3, 2 + 3]
    assert "to come after that: at most 15 trials more (longer, network, rate), about" in str(found)
    counted = plan(STAGED, pilot=False)
    assert "to come after that: at most 15 trials more (longer, network, rate)" in str(counted)


def test_looks_to_come_are_timed(plan: Plan) -> None:
    found = plan("until_decided: [2, 4]\n" + TABLE.replace("seeds: 2\n", "").replace("final: {hidden_units: 8}\n", ""))
    assert [(one.stage, one.trials) for one in found.later] == [("the look at 4 seeds", 4)]
    assert re.search(
        r"until decided: at least 4 trials to run, about \d+ s \(\d+ s to \d+ s\), if the look at 2 seeds decides "
        r"every level; at most 8 trials, about (\d+ s|1 min)",
        str(found),
    )
    last = plan("until_decided: [2]\n" + TABLE.replace("seeds: 2\n", "").replace("final: {hidden_units: 8}\n", ""))
    assert "and no more: the look at 2 seeds is the last" in str(last)


def test_without_pilots_there_are_counts_and_nothing_is_written(plan: Plan, tmp_path: Path) -> None:
    found = plan(TABLE, pilot=False, cpus=8, cpus_per_trial=3, nodes=2)
    assert found.estimate is None
    assert found.piloted is None
    text = str(found)
    assert "in the ledger: 0; to run: 4" in text
    assert "at once: 4 trials on 2 nodes like this one, each with 3 CPU" in text
    assert "wall time" not in text
    assert not (tmp_path / "results").exists()


def test_gpus_are_packed(plan: Plan) -> None:
    text = str(plan(TABLE, pilot=False, cpus=16, logical_gpus=2, gpus_per_trial=0.3))
    assert "at once: 6 trials on 1 node, each with 1 CPU and 0.3 GPU" in text
    assert "1 node with 16 CPU and 2 GPU: 6 trials, 3 on each GPU; the GPUs are the limit" in text


def test_the_share_of_a_gpu_that_is_left_open_is_said(plan: Plan) -> None:
    text = str(plan(TABLE, pilot=False, cpus=16, logical_gpus=2, gpus_per_trial="auto"))
    assert "each trial gets 0.125 of a GPU: the 16 CPUs are the limit" in text
    assert "at once: 16 trials on 1 node, each with 1 CPU and 0.125 GPU" in text


@given(st.integers(1, 200), st.integers(0, 250), st.booleans())
def test_work_lies_between_the_earliest_and_the_last_epoch(epochs: int, patience: int, best: bool) -> None:
    config = TrialConfig(epochs=epochs, early_stopping_patience=patience)
    work = work_of(Trial("key", config, epochs, frozenset({epochs}), measure_improvements=best))
    assert 1 <= work.epochs.low <= work.epochs.expected <= work.epochs.high == epochs
    assert 1 <= work.measured.low <= work.measured.expected <= work.measured.high <= epochs
    if not patience:
        assert work.epochs.low == epochs


BROKEN = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width: int = 4, fails: bool = False):
        super().__init__()
        self.fails, self.layers = fails, nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, 10))

    def forward(self, x):
        if self.fails:
            raise RuntimeError("as it was told")
        return self.layers(x)
"""
OWN = """\
seeds: 1
base: {dataset: digits, network: nets:Net, epochs: 2}
tables:
  - {factor: width, levels: [4, 8]}
  - {factor: fails, levels: [false, true]}
"""


@pytest.mark.long
def test_a_plan_times_the_users_own_network_and_names_what_raises(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(BROKEN)
    (tmp_path / "own.yaml").write_text(OWN)
    out = command("plan", "own.yaml", "--storage", "results", cwd=tmp_path)
    assert "to run: 3 (6 epochs)" in out
    assert "timed: 2 shapes of trial" in out
    assert "would fail: 1 trial: RuntimeError: as it was told (nets.py:12, in forward)" in out
    assert re.search(r"wall time: about \d+ s \(", out)
    assert not (tmp_path / "results").exists(), "pilots never enter the ledger"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nets.py", "own.yaml"]


def test_confirming_takes_time_of_its_own(plan: Plan) -> None:
    text = TABLE.replace("final: {hidden_units: 8}\n", "")
    found = plan(text, confirm=True)
    assert found.confirming.trials == 2 * 2, (
        "of 8 units and of the default; fewer epochs of it are no trials of their own"
    )
    # Ray is up by then, and four trials of ten seconds or more share two CPUs.
    assert 20 <= found.confirming.estimate.wall.expected < found.wall_seconds.expected
    assert "with fresh seeds: at most 4 trials more, about " in str(found)
    assert plan(text).confirming is None
