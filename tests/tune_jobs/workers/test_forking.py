"""Workers are forks of a process that has imported what they need; without it they start as Ray starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.capacity.ray_private import PRELOAD
from tune_jobs.training.ray_session import _FORKED_MODULES
from tune_jobs.workers import start_worker
from tune_jobs.workers.forking import ForkServer
from tune_jobs.workers.start_worker import FORK_SERVER, is_plain

# Stands for Ray's script of a worker, and for that which sets one up.
WORKER = """
import json, os, random, sys
told = {
    "way": "WAY", "argv": sys.argv[1:], "folder": os.getcwd(), "variables": dict(os.environ), "parent": os.getppid(),
    "imported": sorted(sys.modules), "path": sys.path[0], "name": __name__, "group": os.getpgid(0) == os.getpid(),
    "random": random.random(), "numpy": sys.modules["numpy"].random.rand() if "numpy" in sys.modules else None,
}
print(json.dumps(told), flush=True)
print("problem", file=sys.stderr, flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    """Return the script of a worker, with that which sets one up beside it."""
    folder = tmp_path / "workers"
    folder.mkdir()
    for name, way in (("default_worker", "forked"), ("setup_worker", "set up")):
        (folder / f"{name}.py").write_text(WORKER.replace("WAY", way))
    return folder / "default_worker.py"


@pytest.fixture
def server() -> Iterator[ForkServer]:
    """Return a fork server that has imported NumPy."""
    server = ForkServer(["numpy", "colorsys", "no_such_module"], "json")
    yield server
    server.end()


def start(worker: Path, *more: str, folder: Path | None = None, **variables: str) -> dict[str, Any]:
    """Start a worker as Ray does; return what it says of itself."""
    out, errors = worker.parent / "out", worker.parent / "errors"
    with out.open("w") as to, errors.open("w") as err:
        subprocess.run(
            [sys.executable, start_worker.__file__, str(worker), "--node=1", *more],
            stdout=to,
            stderr=err,
            cwd=folder,
            env={**os.environ, **variables},
            check=True,
            timeout=60,
        )
    wait(lambda: errors.read_text() == "problem\n")
    told: dict[str, Any] = json.loads(out.read_text())
    return told


def wait(until: Callable[[], bool]) -> None:
    over = time.monotonic() + 60
    while not until():
        assert time.monotonic() < over
        time.sleep(0.02)


def test_a_fork_is_a_worker_as_any_other(server: ForkServer, worker: Path, tmp_path: Path) -> None:
    with server.starts_workers():
        assert os.environ[PRELOAD] == "json"
        told = ["--serialized-runtime-env-context={}", "--language=PYTHON", "--last"]
        first = start(worker, *told, folder=tmp_path, OTHER="different")
        second = start(worker, *told)
    assert FORK_SERVER not in os.environ
    assert (first["way"], first["name"], first["argv"]) == ("forked", "__main__", ["--node=1", "--last"])
    assert first["parent"] == server.pid
    assert {"numpy", "colorsys"} < set(first["imported"])
    assert (first["folder"], first["path"], first["group"]) == (str(tmp_path), str(worker.parent), True)
    assert first["variables"]["OTHER"] == "different"
    assert FORK_SERVER not in first["variables"]
    assert "OTHER" not in second["variables"]
    assert first["random"] != second["random"]
    assert first["numpy"] != second["numpy"]


def test_a_worker_that_needs_an_environment_of_its_own_is_set_up_by_ray(server: ForkServer, worker: Path) -> None:
    context = json.dumps({"env_vars": {"A": "1"}, "py_executable": sys.executable})
    with server.starts_workers():
        told = start(worker, f"--serialized-runtime-env-context={context}")
    assert told["way"] == "set up"
    assert told["argv"] == [str(worker), "--node=1", f"--serialized-runtime-env-context={context}"]


@pytest.mark.parametrize(
    ("context", "plain"),
    [
        ({}, True),
        ({"command_prefix": [], "env_vars": {}, "py_executable": sys.executable, "java_jars": []}, True),
        ({"py_executable": None}, True),
        ({"py_executable": "conda run python"}, False),
        ({"command_prefix": ["cd /tmp &&"]}, False),
        ({"override_worker_entrypoint": "other.py"}, False),
    ],
)
def test_what_asks_for_more_than_this_python(context: dict[str, Any], plain: bool) -> None:
    assert is_plain(json.dumps(context)) == plain


def test_without_a_server_ray_sets_the_worker_up(server: ForkServer, worker: Path) -> None:
    assert start(worker)["way"] == "set up"
    with server.starts_workers():
        os.kill(server.pid, signal.SIGKILL)
        assert start(worker)["way"] == "set up"


def test_a_server_lives_through_ctrl_c_and_starts_workers_that_were_asked_for_while_it_imported(worker: Path) -> None:
    # The worker is asked for at once; importing torch takes longer.
    server = ForkServer(["torch"], "json")
    with server.starts_workers():
        assert "torch" in start(worker)["imported"]
        os.kill(server.pid, signal.SIGINT)
        assert start(worker)["parent"] == server.pid
    server.end()


DRIVER = """
import sys
from tune_jobs.workers.forking import ForkServer
server = ForkServer([], "json")
print(server.pid, server.address, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_its_driver_whatever_ends_it_and_leaves_nothing() -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdin is not None
    pid, address = driver.stdout.readline().split()
    assert Path(address).exists()
    assert Path(address).parent.stat().st_mode & 0o077 == 0
    driver.kill()
    driver.communicate()
    wait(lambda: not Path(address).parent.exists())
    wait(lambda: not Path(f"/proc/{pid}").exists())


def test_what_is_imported_before_workers_are_forked_does_not_import_ray() -> None:
    code = (
        "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *_FORKED_MODULES], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_where_nothing_temporary_can_be_written_there_is_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(OSError, match="absent"):
        ForkServer([], "json")
