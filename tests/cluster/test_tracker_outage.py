"""A real server of MLflow's that dies during a run and comes back: every run arrives, once and whole."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.cluster.commands import started
from tests.cluster.lab import wait_until
from tests.tune_jobs.trackers.test_mlflow_server import free_port
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage

pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
pytest.importorskip("flask_cors", reason="what MLflow's server needs is not installed: run `make setup-cluster`")
# All trials begin at once; one ends while the server is down, and one after it has come back.
TRAINER = """\
import time
from pathlib import Path

def train(trial, *, width: int, folder: str):
    for epoch in trial.epochs():
        while trial.seed == 1 and not (Path(folder) / f"end-{width}").exists():
            time.sleep(0.05)
        trial.report(score=epoch + width)
"""
STUDY = """\
title: Outage
seeds: 2
base: {{trainer: waiting:train, epochs: 3, folder: "{folder}", width: 1}}
metrics: {{score: max}}
metric: score
tables: [{{factor: width, levels: [1, 2]}}]
resources: {{cpus_per_trial: 0.1}}
"""


@contextmanager
def server(folder: Path, port: int) -> Iterator[None]:
    """Run a server with its data in a folder; at the end it is killed without warning."""
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{folder / 'runs.db'}", "--artifacts-destination", str(folder / "files")]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *place, *store],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        start_new_session=True,
    )

    def answers() -> bool:
        assert process.poll() is None, "the server has ended"
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    try:
        wait_until(answers, "the server")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def read(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "runs.db", timeout=30)) as database:
        return database.execute(query).fetchall()


def finished(folder: Path) -> int:
    return len(read(folder, "SELECT 1 FROM runs WHERE status = 'FINISHED' AND lifecycle_stage = 'active'"))


@pytest.mark.long
def test_a_server_that_dies_and_returns_within_a_run_gets_every_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waiting.py").write_text(TRAINER)
    (tmp_path / "outage.yaml").write_text(STUDY.format(folder=tmp_path))
    port = free_port()
    place = ["--storage", "results", "--cpus", "1", "--tracker", f"mlflow:http://127.0.0.1:{port}"]

    def records() -> int:
        return len(Ledger.open(Storage.at("results")).read().records)

    with started("run", "outage.yaml", *place) as run:
        with server(tmp_path, port):
            wait_until(lambda: finished(tmp_path) == 2, "the first two runs in the tracker")
        (tmp_path / "end-1").touch()
        wait_until(lambda: records() == 3, "a trial that ends while the server is down")
        time.sleep(6)  # the sender looks every 5 s
        assert run.poll() is None
        with server(tmp_path, port):
            wait_until(lambda: finished(tmp_path) == 3, "the third run, sent while the study trains on")
            (tmp_path / "end-2").touch()
            said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert said.count("training goes on without it") == 1
    assert "4 runs sent" in said
    assert "not sent yet" not in said
    active = "FROM runs JOIN {} USING (run_uuid) WHERE lifecycle_stage = 'active'"
    keys = read(tmp_path, f"SELECT value {active.format('tags')} AND key = 'ablatune.key'")
    assert len(keys) == len(set(keys)) == 4
    scores = read(tmp_path, f"SELECT name, step, value {active.format('metrics')} AND key = 'score' ORDER BY 1, 2")
    expected = {1: [2.0, 3.0, 4.0], 2: [3.0, 4.0, 5.0]}
    assert [(step, value) for _, step, value in scores] == [
        (step + 1, value) for width in (1, 2) for _ in (0, 1) for step, value in enumerate(expected[width])
    ]
