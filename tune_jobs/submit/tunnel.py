"""An ssh tunnel to a cluster's job server: the cluster opens no other port."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn

from tune_jobs.errors import UserError
from tune_jobs.submit.timeouts import TUNNEL_TIMEOUT_SECONDS

_POLL_SECONDS = 0.2
_END_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


class Tunnel:
    """Forwards a port of this machine to the dashboard of the cluster that a file describes.

    `ray dashboard` finds the head and starts ssh, for all of Ray's providers. Enter the tunnel in the main thread:
    there, signals that end the process close it.

    Args:
        cluster: the file that was given to `ray up`.
    """

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._port = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Tunnel":
        # Closing the terminal must close the tunnel, except under `nohup`, and unless a command already sees to it.
        for number in _END_SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._before[number] = signal.signal(number, _end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def address(self) -> str:
        """Return the dashboard's address here; the tunnel is opened if it is not open.

        Raises:
            UserError: the head cannot be found or reached.
        """
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._open()
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Close the tunnel."""
        if self._process is not None:
            # The whole group: `ray dashboard` leaves its ssh running.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
            self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def _open(self) -> None:
        self._port = _free_port()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115, closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "dashboard", "--port", str(self._port), str(self._cluster)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + TUNNEL_TIMEOUT_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = self._last_line()
                self.close()
                raise UserError(
                    f"--cluster {self._cluster}: the head cannot be reached ({last}); start the cluster with "
                    f"`ray up {self._cluster}`"
                )
            time.sleep(_POLL_SECONDS)

    def _last_line(self) -> str:
        assert self._output is not None
        self._output.seek(0)
        lines = [line.strip() for line in self._output.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else f"no answer within {TUNNEL_TIMEOUT_SECONDS:.0f} s"


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
