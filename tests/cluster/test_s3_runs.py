"""Whole runs whose results go to S3: reported, killed, cut off, on nodes without credentials."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.commands import ablatune, killed_after, started, wait_for_records
from tests.cluster.lab import PROJECT
from tests.cluster.results import differing_columns, numbers, unpacked
from tests.cluster.s3_server import BUCKET, ENVIRONMENT, Gate, objects
from tune_jobs.commands.cli import main
from tune_jobs.ledger.file_names import trials_in
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.standing.search.journal import DRAWN, read_journal
from tune_jobs.storage.storage import Storage

LONGER = """\
title: Longer
seeds: 3
base: {dataset: digits, network: mlp, hidden_units: 16, epochs: 40}
tables:
  - factor: hidden_units
    levels: [8, 16, 32]
  - factor: optimizer
    levels: [adam, sgd]
resources: {checkpoint_minutes: 0.005}
"""
SEARCH = """\
title: Search
seeds: 2
base: {dataset: digits, network: mlp, hidden_units: 16, epochs: 12}
search:
  space:
    learning_rate: {low: 1e-4, high: 1e-1, scale: log}
    hidden_units: {low: 8, high: 32}
  budget: {trials: 8}
"""


def test_a_run_and_a_report_are_the_same_as_in_a_folder(gate: Gate, study: str, tmp_path: Path) -> None:
    uri = gate.uri("run")
    said = ablatune("run", study, "--storage", uri, "--cpus", 1, "--tensorboard", "on")
    assert f"saving to {uri}" in said
    assert "2 trials in" in said
    storage = Storage.at(uri)
    assert len(Ledger.open(storage).read().records) == 2
    assert storage.names("checkpoints") == storage.names("active") == {}
    logs = [key for key in objects(gate, "run/tensorboard/") if "tfevents" in key]
    assert len(logs) == 2
    trained = [path for method, path in gate.requests if method == "PUT" and "/ledger/trial-" in path]
    assert len(trained) == 2
    secret = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"].encode()
    kept = [storage.read(*key.split("/")[1:]) for key in objects(gate, "run/") if not key.endswith("/")]
    assert not any(secret in content for content in kept)
    assert not any("uploads" in path for _, path in gate.requests), "a small file takes one request"

    # A laptop without Ray takes the endpoint from its environment, and writes the report to its disk.
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ray.py").write_text("raise ImportError('Ray is not here')")
    path = f"{tmp_path / 'without'}:{PROJECT}"
    plain = {"AWS_ENDPOINT_URL": f"http://{gate.address}", "PYTHONPATH": path}
    ablatune("report", study, "--storage", f"s3://{BUCKET}/run", "--output", "remote", **plain)

    assert main(["status", study, "--storage", uri]) == 0
    assert main(["ledger", "list", "--storage", uri]) == 0
    assert main(["ledger", "export", "all.parquet", "--storage", uri]) == 0
    assert main(["ledger", "merge", uri, "--storage", "folder"]) == 0
    # A merge copies records only; a run in the folder would also write what it was asked for.
    for name in storage.names("studies", "tiny"):
        Storage.at("folder").write(storage.read("studies", "tiny", name), "studies", "tiny", name)
    assert numbers(Storage.at("folder")) == numbers(storage)
    assert main(["report", study, "--storage", "folder", "--output", "local"]) == 0
    tables = sorted(path.relative_to("remote") for path in Path("remote").rglob("*.csv"))
    assert tables
    for table in tables:
        assert ("remote" / table).read_bytes() == ("local" / table).read_bytes(), table


@pytest.mark.long
def test_a_killed_run_continues_and_equals_one_in_a_folder(gate: Gate, study: str) -> None:
    Path(study).write_text(LONGER)
    uri = gate.uri("killed")
    storage = killed_after(2, study, uri)
    done = sum(map(trials_in, unpacked(storage)))
    trials = 12
    assert 2 <= done < trials
    assert "missing" in ablatune("status", study, "--storage", uri)
    said = ablatune("run", study, "--storage", uri)
    assert f"in the ledger: {len(numbers(storage)) - int(said.split(' trials in ')[0].split()[-1])}" in said
    assert "nothing to run" in ablatune("run", study, "--storage", uri)
    ablatune("run", study, "--storage", "folder")
    assert numbers(storage) == numbers(Storage.at("folder"))
    assert len(numbers(storage)) == trials
    ablatune("report", study, "--storage", uri, "--output", "remote")
    ablatune("report", study, "--storage", "folder", "--output", "local")
    differ = differing_columns(Path("remote"), Path("local"))
    # Which points are on the front of accuracy and seconds follows from the seconds.
    differ.discard("on_front")
    assert all("second" in column or "time" in column for column in differ), differ


@pytest.mark.long
def test_a_run_survives_outages_of_every_kind(
    simulated_s3: tuple[Gate, subprocess.Popen[bytes]], gate: Gate, study: str
) -> None:
    _, moto = simulated_s3
    Path(study).write_text(LONGER)
    uri = gate.uri("outages")
    storage = Storage.at(uri)
    with started("run", study, "--storage", uri) as process:
        try:
            for number, outage in enumerate(["cut", "503", "stopped"], 1):
                wait_for_records(2 * number, process, storage)
                gate.cut = outage == "cut"
                if outage == "503":
                    gate.fault = lambda method, path, headers: (503, "SlowDown")
                if outage == "stopped":
                    moto.send_signal(signal.SIGSTOP)
                time.sleep(8)
                moto.send_signal(signal.SIGCONT)
                gate.behave()
            said, _ = process.communicate(timeout=1200)
        finally:
            moto.send_signal(signal.SIGCONT)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "12 trials in" in said
    assert "12 completed" in said
    assert "lost its worker" not in said
    assert len(numbers(storage)) == 12
    assert all(one.outcome == "completed" for one in Ledger.open(storage).read().records.values())


@pytest.mark.long
def test_a_killed_search_continues_and_is_evaluated(gate: Gate, study: str, tmp_path: Path) -> None:
    Path(study).write_text(SEARCH)
    uri = gate.uri("searched")
    storage = killed_after(3, study, uri)
    ablatune("run", study, "--storage", uri)
    (name,) = storage.names("search")
    drawn = [event for event in read_journal(storage, name) if event.kind == DRAWN]
    assert sorted(event.trial for event in drawn) == list(range(8))
    assert "8 trials" in ablatune("status", study, "--storage", uri)
    said = ablatune("evaluate", study, "--storage", uri)
    address = said.rpartition(": ")[2].strip()
    assert address.startswith("s3://bucket/searched/models/")
    assert load_model(address).config["dataset"] == "digits"
    ablatune("report", study, "--storage", uri, "--output", "out")
    assert "were opened once" in (tmp_path / "out" / "report.md").read_text()


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Start a Ray cluster whose head has one CPU, as processes of this machine."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield nodes
    finally:
        nodes.shutdown()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_node_without_credentials_is_named_before_anything_is_trained(gate: Gate, study: str) -> None:
    # Like S3, moto refuses unsigned writes.
    with ray_cluster() as nodes:
        nodes.add_node(num_cpus=1, env_vars={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
        uri = gate.uri("cluster")
        arguments = ("--storage", uri, "--address", nodes.address)
        said = ablatune("run", study, *arguments, expect=2)
        (line,) = (line for line in said.splitlines() if line.startswith("ablatune: "))
        assert "access is denied" in line
        assert "node " in line
        assert unpacked(Storage.at(uri)) == []
        assert "writable from 1 of 2 nodes" in ablatune("plan", study, "--no-pilot", *arguments)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_late_node_without_credentials_ends_the_run_and_loses_no_trial(
    gate: Gate, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a file, so that the late node can be told of another.
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
    (tmp_path / "keys").write_text("\n".join(["[default]", *lines, ""]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    for name in keys:
        monkeypatch.delenv(name)
    Path(study).write_text(LONGER)
    uri = gate.uri("late")
    storage = Storage.at(uri)
    with (
        ray_cluster() as nodes,
        started("run", study, "--storage", uri, "--address", nodes.address, "--set", "epochs=400") as process,
    ):
        wait_for_records(1, process, storage)
        nodes.add_node(num_cpus=1, env_vars={"AWS_SHARED_CREDENTIALS_FILE": os.devnull})
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 2, said
    (line,) = (line for line in said.splitlines() if line.startswith("ablatune: "))
    assert re.search(r"node \S+ \(\w+\) cannot use it: .*access is denied", line)
    assert "results from other nodes are kept" in line
    # If a test before this one has used S3, this process does not read the file of credentials again.
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    done = Ledger.open(Storage.at(uri)).read().records.values()
    assert 1 <= len(done) < 12
    assert {record.outcome for record in done} == {"completed"}
