"""`ablatune submit` to a real head, which wants a token: what is sent, what is said, how it ends."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_utils import load_trial_data
from tests.cluster.lab import PROJECT
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.submit import jobs, timeouts

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "only-for-this-test-0123456789abcdef"}
HEAD = """
import sys
import ray
from ray._private.parameter import RayParams
from ray._private.utils import write_ray_address
# By default all heads of a machine share the port of the agent that starts jobs, and only the first gets it.
RayParams.dashboard_agent_listen_port = property(lambda params: 0, lambda params, port: None)
_, port, folder = sys.argv
ray.init(
    num_cpus=2, include_dashboard=True, dashboard_port=int(port), object_store_memory=150_000_000, _temp_dir=folder
)
# A job joins the cluster that is recorded here; where none is, any that runs on this machine.
write_ray_address(ray.get_runtime_context().gcs_address, folder)
print("up", flush=True)
sys.stdin.read()
"""
STUDY = """\
seeds: 1
base: {dataset: own, network: nets:Narrow, epochs: 2}
datasets: {own: {file: own.npz}}
tables:
  - factor: learning_rate
    levels: [0.001, 0.01]
resources: {gpus_per_trial: 1}
"""
NETS = """\
from torch import nn


class Narrow(nn.Sequential):
    def __init__(self, input_shape, outputs):
        super().__init__(nn.Flatten(), nn.LazyLinear(outputs))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where a head's job server is."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    folder = tmp_path_factory.mktemp("head")
    environment = {
        **os.environ,
        **TOKEN,
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    rays = tempfile.mkdtemp(prefix="ray-")  # short: the names of Ray's sockets have at most 107 bytes
    with (folder / "log").open("w") as log:
        head = subprocess.Popen(
            [sys.executable, "-c", HEAD, str(port), rays],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert head.stdout is not None
    assert head.stdin is not None
    try:
        assert any(line == "up\n" for line in head.stdout), (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        head.stdin.close()
        head.wait(60)
        head.stdout.close()
        shutil.rmtree(rays, ignore_errors=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a working tree whose study git ignores, with data in a data folder within it."""
    folder = tmp_path / "tree"
    (folder / "mine" / "deep").mkdir(parents=True)
    data = load_trial_data("digits", data_dir=tmp_path)
    np.savez(folder / "mine" / "own.npz", x=data.train_inputs[:300], y=data.train_targets[:300])
    (folder / "study.yaml").write_text(STUDY)
    (folder / "nets.py").write_text(NETS)
    (folder / ".env").write_text("PASSWORD=secret")
    (folder / ".gitignore").write_text("mine/\nstudy.yaml\n")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def submit(folder: Path, *arguments: object, expect: int = 0, **environment: str) -> str:
    """Submit from a folder; return what is printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tune_jobs", "submit", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expect, said
    assert "Traceback" not in said
    return said


def records(storage: Path) -> list[Record]:
    return list(Ledger.open(Storage.at(str(storage))).read().records.values())


def test_what_a_study_needs_is_found_on_the_cluster(address: str, tree: Path, tmp_path: Path) -> None:
    storage = tmp_path / "results"
    # No GPU, where the study asks for one and the cluster has none.
    told = ["--address", address, "--storage", storage, "--data-dir", "mine", "--gpus-per-trial", 0]
    elsewhere = {"RAY_ADDRESS": "http://127.0.0.1:9", "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:9"}
    said = submit(tree, "study.yaml", *told, **TOKEN, **elsewhere)
    assert "2 completed" in said
    assert "not sent (may hold secrets): .env" in said
    assert "with the job" in said
    assert {record.outcome for record in records(storage)} == {"completed"}
    (job,) = (line.split()[1] for line in said.splitlines() if line.startswith("job "))

    again = submit(tree, "study.yaml", *told, **TOKEN)
    assert "nothing to run" in again
    assert "with the job" not in again, "what the storage has is not sent again"
    picked = submit(tree, "--job", job, "--address", address, **TOKEN)
    assert "2 completed" in picked
    refused = submit(tree, "study.yaml", *told[:-1], 1, "--set", "batch_size=64", expect=2, **TOKEN)
    assert "the largest node has 2 CPU and 0 GPU" in refused


def test_bad_input_is_refused_before_anything_is_sent(address: str, tree: Path, tmp_path: Path) -> None:
    told = ["--address", address, "--storage", tmp_path / "results", "--data-dir", "mine"]
    said = submit(tree, "study.yaml", *told, "--cpus-per-trial", 0, expect=2, **TOKEN)
    assert said.startswith("ablatune: --cpus-per-trial: ")
    assert "\n" not in said.strip()
    said = submit(tree, "study.yaml", *told[:3], "results", *told[4:], expect=2, **TOKEN)
    assert "is not an absolute path" in said
    said = submit(tree, "--job", "none", "--address", address, expect=2, **TOKEN)
    assert "the cluster has no such job" in said


def test_without_the_token_one_line_says_what_is_missing(address: str, tree: Path, tmp_path: Path) -> None:
    told = ["--address", address, "--storage", tmp_path / "results", "--data-dir", "mine"]
    for arguments in (["study.yaml", *told], ["--job", "some", *told[:2]]):
        said = submit(tree, *arguments, expect=2, RAY_AUTH_MODE="disabled")
        assert "RAY_AUTH_MODE=token" in said
        assert len(said.strip().splitlines()) == 1


def test_a_job_at_an_address_without_a_server_is_not_waited_for(tree: Path) -> None:
    said = submit(tree, "--job", "some", "--address", "http://127.0.0.1:9", expect=2)
    assert "no job server answers there" in said
    assert "reconnect" not in said


class _Slow(http.server.BaseHTTPRequestHandler):
    """A job server behind a thin line: it reads what is sent a little at a time."""

    def do_GET(self) -> None:
        self._answer(
            json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": ""}).encode()
        )

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 2**20)))
            time.sleep(0.1)
        self._answer(b"")

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_a_slow_line_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "CONNECT_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(timeouts, "ANSWER_TIMEOUT_SECONDS", 60.0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = jobs.connect(f"http://127.0.0.1:{server.server_address[1]}")
        sent = client._do_request("PUT", "/api/packages/gcs/working-folder.zip", data=bytes(20 * 2**20))
        assert sent.status_code == 200
        server.shutdown()
