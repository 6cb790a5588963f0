"""Whole searches through Ray Tune, as a user starts them; some are killed again and again."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.tune_jobs.commands.test_run import started_training
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.search.journal import DRAWN, ENDED, RUNG, Event, read_journal
from tune_jobs.storage.storage import Storage

ABLATUNE = [sys.executable, "-m", "tune_jobs"]
SEARCH = """\
base: {{dataset: digits, network: mlp, hidden_units: 4, epochs: {epochs}, batch_size: 64}}
search:
  budget: {{trials: {trials}}}
  sampler: random
  grace_epochs: 1
  reduction_factor: 2
  seeds: 1
  audit: {audit}
  confirm: 1
  path: 0
  interactions: 0
  space:
    learning_rate: {{low: 0.0001, high: 0.1, scale: log}}
    hidden_units: {{low: 2, high: 16}}
    optimizer: [adam, nesterov]
    momentum: {{low: 0.5, high: 0.95, when: {{optimizer: nesterov}}}}
"""
NETWORK = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, outputs, width=8):
        super().__init__()
        if width == 5:
            raise ValueError("five is not supported")
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, x):
        return self.body(x)
"""


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[3]
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "default"}


def ablatune(*arguments: object, cwd: Path, expect: int = 0) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(
        [*ABLATUNE, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment(), timeout=1800
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def write_study(tmp_path: Path, *, trials: int, epochs: int = 5, audit: int = 0, replicates: int = 1) -> Path:
    path = tmp_path / "study.yaml"
    text = SEARCH.format(trials=trials, epochs=epochs, audit=audit)
    path.write_text(text.replace("  seeds: 1\n", f"  seeds: 1\n  replicates: {replicates}\n"))
    return path


def events(storage: Path) -> list[Event]:
    """The journal of the only search in a storage."""
    folders = list((storage / "search").glob("*")) if (storage / "search").is_dir() else []
    assert len(folders) <= 1
    return read_journal(Storage.at(str(storage)), folders[0].name) if folders else []


def records(storage: Path) -> dict[str, Record]:
    return dict(Ledger.open(Storage.at(str(storage))).read().records)


def files_by_key(storage: Path) -> Counter[str]:
    """The number of files of each trial."""
    return Counter(path.name.split("-")[1] for path in (storage / "ledger").glob("trial-*"))


def test_a_search_runs_to_the_end_and_then_does_nothing(tmp_path: Path) -> None:
    study = write_study(tmp_path, trials=6)
    plan = ablatune("run", study, "--storage", "r", "--dry-run", cwd=tmp_path)
    assert "rungs: after epochs 1, 2, 4 of 5; the best 1 in 2 of the trials that reach a rung continue" in plan
    assert "0 trials ended, 0 of them stopped early; budget 6 trials, sampler random" in plan
    assert not (tmp_path / "r").exists()

    first = ablatune("run", study, "--storage", "r", "--cpus", 1, cwd=tmp_path)
    assert re.search(r"^6 trials in .*: .* stopped early$", first, re.MULTILINE), first
    assert "6 trials ended" in first
    searched = [one for one in records(tmp_path / "r").values() if one.seed == 0]
    assert len(searched) == 6
    assert {one.outcome for one in searched} == {"completed", "pruned"}
    for one in searched:
        stopped = re.fullmatch(r"stopped at epoch (\d+): \d+ of \d+ that reached it", one.reason)
        assert (one.outcome == "pruned") == (stopped is not None)
        assert stopped is None or int(stopped[1]) == one.epochs
    happened = Counter(event.kind for event in events(tmp_path / "r"))
    assert happened[DRAWN] == happened[ENDED] == 6

    again = ablatune("run", study, "--storage", "r", cwd=tmp_path)
    assert "nothing to run" in again
    assert set(files_by_key(tmp_path / "r").values()) == {1}


def test_a_search_judges_its_trials_by_several_seeds(tmp_path: Path) -> None:
    study = write_study(tmp_path, trials=4, replicates=2)
    ablatune("run", study, "--storage", "r", "--cpus", 1, cwd=tmp_path)
    known = records(tmp_path / "r")
    searched = [one for one in known.values() if one.seed in (0, 1)]
    # By configuration: what went to the end did so with both seeds.
    seeds: dict[str, dict[int, int]] = {}
    for one in searched:
        seeds.setdefault(str({**json.loads(one.fields), "seed": 0}), {})[one.seed] = one.epochs
    assert len(seeds) == 4
    whole = [epochs for epochs in seeds.values() if epochs[0] == 5]
    assert whole
    assert all(epochs == {0: 5, 1: 5} for epochs in whole)
    decided = [event for event in events(tmp_path / "r") if event.kind == RUNG]
    assert {event.seed for event in decided} == {0, 1}
    assert any(event.more for event in decided), "a first seed waited for the second"
    assert any(one.seed >= 100_000 for one in known.values()), "the winner has fresh seeds"


# An interrupted run of tables is tested in every run of the tests.
@pytest.mark.long
def test_an_interrupted_search_says_so_and_stops(tmp_path: Path) -> None:
    study = write_study(tmp_path, trials=4, epochs=3000)
    process = started_training(study, tmp_path, "--cpus", "1")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130, output
    assert "stopped during the search; the same command continues" in output
    assert "Traceback" not in output


@pytest.mark.long
def test_a_search_goes_on_with_more_trials(tmp_path: Path) -> None:
    ablatune("run", write_study(tmp_path, trials=4), "--storage", "r", "--cpus", 1, cwd=tmp_path)
    before = records(tmp_path / "r")
    more = ablatune("run", write_study(tmp_path, trials=7), "--storage", "r", "--cpus", 1, cwd=tmp_path)
    assert re.search(r"^3 trials in ", more, re.MULTILINE), more
    after = records(tmp_path / "r")
    assert {key: after[key] for key in before} == before
    assert set(files_by_key(tmp_path / "r").values()) == {1}


@pytest.mark.long
def test_a_search_over_the_users_own_network_with_a_width_that_fails(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    study = tmp_path / "study.yaml"
    study.write_text(
        "base: {dataset: digits, network: 'net:Net', epochs: 3}\n"
        "search:\n  budget: {trials: 5}\n  sampler: grid\n  seeds: 1\n  audit: 0\n  path: 0\n  interactions: 0\n"
        "  space: {width: [3, 5, 8, 9]}\n"
    )
    output = ablatune("run", study, "--storage", "r", "--cpus", 1, cwd=tmp_path, expect=1)
    assert "five is not supported" in output
    outcomes = Counter(one.outcome for one in records(tmp_path / "r").values() if one.seed == 0)
    assert outcomes["failed"] == 1
    assert outcomes.total() == 4
    assert any(one.seed >= 100_000 for one in records(tmp_path / "r").values()), "one failure holds nothing up"
    again = ablatune("run", study, "--storage", "r", "--cpus", 1, cwd=tmp_path, expect=1)
    assert "nothing to run" in again
    retried = ablatune("run", study, "--storage", "r", "--cpus", 1, "--retry-failed", cwd=tmp_path, expect=1)
    assert re.search(r"^1 trial in .*: 1 failed$", retried, re.MULTILINE), retried


def processes_of(session: int) -> list[int]:
    """The processes of a session, without zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def kill_session(process: "subprocess.Popen[Any]") -> None:
    """Kill a run with all processes of Ray, and wait until none is left."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 120
    while left := processes_of(process.pid):
        for each in left:
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.1)


def killed_and_continued(study: Path, storage: str, *arguments: object, cwd: Path, kills: int, seed: int) -> None:
    """Run a search, kill it so many times, each after a random number of new events, then let it end."""
    delays = random.Random(seed)
    command = [*ABLATUNE, "run", str(study), "--storage", storage, *map(str, arguments)]
    for _ in range(kills):
        until = len(events(cwd / storage)) + delays.randint(8, 22)
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        while len(events(cwd / storage)) < until:
            assert process.poll() is None, f"it ended by itself, with exit code {process.returncode}"
            time.sleep(0.02)
        kill_session(process)
    ablatune("run", study, "--storage", storage, *arguments, cwd=cwd)


def rungs(storage: Path) -> dict[int, list[tuple[int, float | None, bool, int, int]]]:
    found: dict[int, list[tuple[int, float | None, bool, int, int]]] = {}
    for event in events(storage):
        if event.kind == RUNG:
            found.setdefault(event.trial, []).append((event.epoch, event.score, event.stop, event.rank, event.of))
    return found


def drawn(storage: Path) -> dict[int, dict[str, Any]]:
    return {event.trial: event.values for event in events(storage) if event.kind == DRAWN}


def curves(storage: Path) -> dict[str, tuple[Any, ...]]:
    return {key: (one.outcome, one.validation_loss, one.validation_metric) for key, one in records(storage).items()}


@pytest.mark.long
def test_a_race_that_is_killed_twice_and_continued_equals_one_left_alone(tmp_path: Path) -> None:
    study = write_study(tmp_path, trials=20, replicates=2)
    alone, killed = (tmp_path / name for name in ("alone", "killed"))
    ablatune("run", study, "--storage", "alone", "--max-concurrent", 1, cwd=tmp_path)
    killed_and_continued(study, "killed", "--max-concurrent", 1, cwd=tmp_path, kills=2, seed=0)
    assert drawn(killed) == drawn(alone)
    assert rungs(killed) == rungs(alone)
    assert curves(killed) == curves(alone)


@pytest.mark.long
def test_killed_five_times_and_continued_equals_left_alone(tmp_path: Path) -> None:
    study = write_study(tmp_path, trials=60)
    alone, killed, both = (tmp_path / name for name in ("alone", "killed", "both"))
    ablatune("run", study, "--storage", "alone", "--max-concurrent", 1, cwd=tmp_path)
    killed_and_continued(study, "killed", "--max-concurrent", 1, cwd=tmp_path, kills=5, seed=0)
    assert len(drawn(alone)) == 60
    assert drawn(killed) == drawn(alone)
    assert rungs(killed) == rungs(alone)
    assert curves(killed) == curves(alone)
    for storage in (alone, killed):
        assert set(files_by_key(storage).values()) <= {1}, "no trial that has ended is run twice"

    killed_and_continued(study, "both", "--max-concurrent", 2, cwd=tmp_path, kills=5, seed=1)
    assert drawn(both) == drawn(alone)
    assert set(files_by_key(both).values()) <= {1}
    # Two workers reach the rungs in another order, so other trials may be stopped. The best must be within one standard
    # deviation (of the finished trials) of the best of the search that was left alone.
    finished = [one.validation_metric[-1] for one in records(alone).values() if one.seed == 0 and one.epochs == 5]
    best = max(one.validation_metric[-1] for one in records(both).values() if one.seed == 0 and one.epochs == 5)
    mean = sum(finished) / len(finished)
    spread = (sum((value - mean) ** 2 for value in finished) / (len(finished) - 1)) ** 0.5
    assert abs(best - max(finished)) <= spread
