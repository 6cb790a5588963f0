"""Starts a fork server, and lets the workers that Ray starts be forks of it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tune_jobs.capacity.ray_private import PRELOAD, node_started_with
from tune_jobs.workers.start_worker import FORK_SERVER
from tune_jobs.workers.variables import with_variables

# Most of what Ray and Tune import in a worker, apart from themselves.
IMPORTED_BY_RAY = ("pandas", "pyarrow.parquet", "pydantic", "requests", "jsonschema", "fsspec")
_HERE = Path(__file__).parent


class ForkServer:
    """A process of this machine whose forks are Ray's workers; see `tune_jobs.workers.fork_server`.

    Args:
        modules: that it imports.
        preloaded: a module that each worker imports before it is given anything, since it needs Ray.

    Attributes:
        address: of its socket.
        pid: of the process.

    Raises:
        OSError: this system has no such sockets, or the folder for temporary files cannot be written or has too long a
            path.
    """

    def __init__(self, modules: Sequence[str], preloaded: str) -> None:
        self._preloaded = preloaded
        with ExitStack() as undo:
            self._folder = tempfile.mkdtemp(prefix="ablatune-")
            undo.callback(self._remove)
            self.address = str(Path(self._folder) / "forks")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
                listening.bind(self.address)
                listening.listen(socket.SOMAXCONN)
                self._process = subprocess.Popen(
                    [sys.executable, str(_HERE / "fork_server.py"), str(listening.fileno()), *modules],
                    stdin=subprocess.PIPE,  # ends with this process, whatever ends it
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[listening.fileno()],
                    # As Ray does for a worker of one core; a trial sets its own number.
                    env={"OMP_NUM_THREADS": "1", **os.environ},
                    start_new_session=True,
                )
            undo.pop_all()
        self.pid = self._process.pid

    @contextmanager
    def starts_workers(self) -> Iterator[None]:
        """Let the workers of a node that is started meanwhile be forks."""
        preload = ",".join(filter(None, (os.environ.get(PRELOAD), self._preloaded)))
        with (
            with_variables({FORK_SERVER: self.address, PRELOAD: preload}),
            node_started_with(_HERE / "start_worker.py"),
        ):
            yield

    def end(self) -> None:
        """End it; its forks go on."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
