"""What a run leaves behind: no secret of the environment, and nothing of Ray's that others can reach."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.training import ray_session
from tune_jobs.training.settings import Cluster

ROOT = Path(__file__).resolve().parents[3]
SECRETS = {
    "AWS_ACCESS_KEY_ID": "MARKED-key-id-4711",
    "AWS_SECRET_ACCESS_KEY": "MARKED-secret-4712",
    "AWS_SESSION_TOKEN": "MARKED-session-4713",
    "SOME_SERVICE_TOKEN": "MARKED-token-4714",
    # Tune hands those over that are for Ray Train.
    "RAY_TRAIN_METRICS_MARKED": "MARKED-train-4715",
    "RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S": "471.6471",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "47173",
}
STUDY = """\
seeds: 1
base: {dataset: digits, network: needing:Net, width: 4, epochs: 1}
tables:
  - {factor: width, levels: [4, 8]}
"""
# Trains only where the environment is the driver's.
NETWORK = """\
import os
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features: int, outputs: int, width: int = 4):
        super().__init__()
        for name, end in {ends!r}.items():
            if not os.environ[name].endswith(end):
                raise ValueError(name)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.fixture
def short_place() -> Iterator[Path]:
    """A folder for temporary files, with a path that is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as folder:
        yield Path(folder)


def files_with(marks: list[str], *folders: Path) -> list[str]:
    """List the files that hold one of the marks, in bytes, with the mark."""
    found, seen = [], 0
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                seen += 1
                found += [f"{path}: {mark}" for mark in marks if mark.encode() in content]
    assert seen > 20, "there is little to look at"
    return found


def run(cwd: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tune_jobs", "run", "study.yaml", "--storage", "results", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_run_leaves_no_secret_and_its_workers_have_the_environment(tmp_path: Path, short_place: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    (work / "study.yaml").write_text(STUDY)
    ends = {name: value[-3:] for name, value in SECRETS.items()} | {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20)}
    (work / "needing.py").write_text(NETWORK.format(ends=ends))
    said = run(work, "--cpus", "1", HOME=str(home), TMPDIR=str(short_place), RAY_TMPDIR="", **SECRETS)
    records = Ledger.open(Storage.at(str(work / "results"))).read().records.values()
    assert [record.outcome for record in records] == ["completed"] * 2, said

    assert not any(secret in said for secret in SECRETS.values())
    assert files_with(list(SECRETS.values()), work, home, short_place) == []
    (private,) = short_place.glob("ablatune-*")
    assert private.stat().st_mode & 0o777 == 0o700
    assert list(private.rglob("raylet.out")), "Ray's logs are in the folder that others cannot enter"
    assert not list(short_place.glob("ray*"))
    readable = [path for path in home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert readable == []


@pytest.mark.parametrize(
    ("written", "said"), [("RPC error: InvalidAuthToken: incorrect", "token"), ("", "is the cluster up")]
)
def test_a_cluster_that_refuses_is_one_line(
    written: str, said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(**told: Any) -> None:
        os.write(2, f"{written}\n".encode() * 20)
        raise ConnectionError("Failed to connect")

    monkeypatch.setattr(ray_session, "check_address", lambda cluster: None)
    monkeypatch.setattr(ray_session.ray, "init", refuse)
    with pytest.raises(UserError, match=said) as found:
        ray_session._join_cluster(Cluster(address="head:6379"))
    assert str(found.value).startswith("--address head:6379: ")
    assert "\n" not in str(found.value)
    assert capfd.readouterr().err == ""
