"""A simulated S3 and a study to run on it, and a cluster on the hosts of a lab."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.onprem import OnPrem
from tests.cluster.s3_server import ENVIRONMENT, FOREIGN, Gate, served
from tune_jobs.storage.storage import Storage

TINY = """\
title: Tiny
seeds: 1
base: {dataset: digits, network: mlp, hidden_units: 8, epochs: 2}
tables:
  - factor: hidden_units
    levels: [4, 8]
"""


@pytest.fixture(scope="module")
def simulated_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, subprocess.Popen[bytes]]]:
    """Return the gate in front of a simulated S3, and the process behind it."""
    pytest.importorskip("moto.server", reason="the simulated S3 is not installed: run `make setup-cluster`")
    with pytest.MonkeyPatch.context() as patch:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with served(tmp_path_factory.mktemp("moto")) as found:
            yield found


@pytest.fixture
def gate(simulated_s3: tuple[Gate, subprocess.Popen[bytes]]) -> Iterator[Gate]:
    """Return the gate, which lets everything through until a test says otherwise."""
    gate, _ = simulated_s3
    gate.behave()
    yield gate
    gate.behave()


@pytest.fixture
def storage(gate: Gate, request: pytest.FixtureRequest) -> Storage:
    """Return an S3 storage that no other test uses."""
    return Storage.at(gate.uri(f"tests/{request.node.name.partition('[')[0]}"))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the file of a study of two trials, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return "tiny.yaml"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OnPrem]:
    """Return a cluster that is up, on the hosts of a lab."""
    with closing(OnPrem(tmp_path / "lab")) as hosts:
        hosts.up()
        yield hosts
