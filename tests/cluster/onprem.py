"""A cluster that `ray up cluster-onprem.yaml` really brings up, on the hosts of a lab."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.lab import PROJECT, Lab, copy_of_the_project
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage

FILE = "cluster-onprem.yaml"
# Ray declares a node dead after half a minute; nobody waits for that in a test.
HEALTH = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "4",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
}
STUDY = """\
title: {title}
seeds: {seeds}
base: {{dataset: digits, network: mlp, hidden_units: 32, learning_rate: 0.003, epochs: {epochs}}}
tables:
  - factor: hidden_units
    levels: [16, 32]
  - factor: optimizer
    levels: [adam, sgd]
  - factor: activation
    levels: [relu, tanh]
resources: {{gpus_per_trial: 0.25, cpus_per_trial: 0.1, checkpoint_minutes: 0.02, stack: {stack}}}
"""


class OnPrem:
    """Three hosts with two CPUs and one logical GPU each: the head, and two workers.

    Args:
        folder: an empty folder.
    """

    hosts = 3

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder, self.hosts, Path(sys.prefix), keep=[PROJECT])
        self.project = copy_of_the_project(folder / "project")
        self.storage = self.lab.shared / "results"
        subprocess.run(["git", "init", "--quiet", str(self.project)], check=True)
        self._edit_file()
        resources = {"CPU": 2, "GPU": 1, "object_store_memory": 150_000_000}
        self.lab.set_environment(RAY_OVERRIDE_RESOURCES=json.dumps(resources), **HEALTH)
        self.run(["bash", "-c", f"mkdir -p ~/.ssh && install -m 600 {self.lab.key} ~/.ssh/id_ed25519"])
        # As on any machine where somebody has run a study alone before.
        self.on_head("mkdir -p ~/.ray && echo 0123456789abcdef0123456789abcdef > ~/.ray/auth_token")

    def _edit_file(self) -> None:
        """Change what the file says is to be changed: addresses and user."""
        text = (self.project / FILE).read_text()
        for host in range(self.hosts):
            text = text.replace(f"192.0.2.{10 + host}", self.lab.address(host))
        assert "192.0.2" not in text
        text, users = re.subn(r"ssh_user: \w+", "ssh_user: root", text)
        assert users == 1
        (self.project / FILE).write_text(text)

    def write_study(self, name: str, *, seeds: int, epochs: int, stack: str = "auto") -> Path:
        """Write a study of four configurations into the project; return its file."""
        path = self.project / f"{name}.yaml"
        path.write_text(STUDY.format(title=name, seeds=seeds, epochs=epochs, stack=stack))
        return path

    def run(self, command: Sequence[str], **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command on the client, in the project; it must succeed."""
        done = self.lab.run(command, folder=self.project, **more)
        assert done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}"
        return done

    def on_head(self, command: str) -> None:
        """Run a command on the head, in a shell."""
        key = ("-i", str(self.lab.key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        self.run(["ssh", *key, self.lab.address(0), command])

    def up(self) -> None:
        """Bring the cluster up, and wait until all of its nodes are there."""
        self.run(["ray", "up", "--yes", FILE])
        self.wait_for_nodes(self.hosts)

    def wait_for_nodes(self, count: int) -> None:
        """Wait until so many nodes are there."""
        deadline = time.monotonic() + 180
        active = re.compile(rf"^ {count} local\.cluster\.node\s*$", re.MULTILINE)
        while not active.search(said := self.run(["ray", "exec", FILE, "ray status"]).stdout):
            assert time.monotonic() < deadline, said

    def down(self) -> None:
        """Take the cluster down."""
        self.run(["ray", "down", "--yes", FILE])

    def submit(self, *arguments: str) -> list[str]:
        """Return the command that submits to the cluster."""
        return [
            "ablatune",
            "submit",
            *arguments,
            "--cluster",
            FILE,
            "--storage",
            str(self.storage),
            "--logical-gpus",
            "1",
        ]

    def records(self) -> dict[str, Record]:
        """Return what the ledger has, by the trials' keys."""
        return dict(Ledger.open(Storage.at(str(self.storage))).read().records)

    def close(self) -> None:
        """Take all hosts down."""
        self.lab.close()


def trained_alone(study: Path, storage: Path) -> dict[str, Record]:
    """Run a study on this machine alone; return what its ledger has, by the trials' keys."""
    command = [sys.executable, "-m", "tune_jobs", "run", str(study), "--storage", str(storage), "--logical-gpus", "1"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return dict(Ledger.open(Storage.at(str(storage))).read().records)


def assert_same(found: dict[str, Record], expected: dict[str, Record]) -> None:
    """Check that two ledgers hold the same numbers, bit for bit."""
    assert found.keys() == expected.keys()
    for key, record in expected.items():
        assert found[key].outcome == "completed"
        for name in ("epochs", "train_loss", "train_metric", "validation_loss", "validation_metric"):
            assert getattr(found[key], name) == getattr(record, name), (key, name)
        assert found[key].validation_outputs == record.validation_outputs


def most_at_once(records: dict[str, Record]) -> dict[str, int]:
    """Return how many trials each host trained at one time, at most."""
    events: dict[str, list[tuple[float, int]]] = {}
    for record in records.values():
        begin = record.started_at.timestamp()
        events.setdefault(record.host, []).extend([(begin, 1), (begin + record.wall_seconds, -1)])
    most = {}
    for host, changes in events.items():
        at_once, most[host] = 0, 0
        for _, change in sorted(changes):
            at_once += change
            most[host] = max(most[host], at_once)
    return most
