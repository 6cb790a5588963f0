"""A way to a cluster's job server through ssh, so that no port of the cluster is open to the world."""

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

_OPENING_SECONDS = 90.0
_POLL_SECONDS = 0.2
_ENDINGS = (signal.SIGHUP, signal.SIGTERM)


class Tunnel:
    """Forwards a port of this machine to the dashboard of the cluster that a file describes.

    ssh and where the head is are left to `ray dashboard`, which knows all of Ray's providers. To be entered in the main
    thread, in which a signal to end closes it.

    Args:
        cluster: the file that the cluster was brought up with.
    """

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._port = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Tunnel":
        # A terminal that is closed must not leave the tunnel open, unless `nohup` says that it is to be outlived.
        for number in _ENDINGS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def address(self) -> str:
        """Return where the dashboard is to be reached, having opened the tunnel where it is not open.

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
            # With its ssh, which it does not end by itself.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
            self._process = None
        if self._said is not None:
            self._said.close()
            self._said = None

    def _open(self) -> None:
        self._port = _free_port()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115, closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "dashboard", "--port", str(self._port), str(self._cluster)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + _OPENING_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._last_words()
                self.close()
                raise UserError(
                    f"--cluster {self._cluster}: its head cannot be reached ({said}); `ray up {self._cluster}` "
                    "brings the cluster up"
                )
            time.sleep(_POLL_SECONDS)

    def _last_words(self) -> str:
        assert self._said is not None
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else f"no answer within {_OPENING_SECONDS:.0f} s"


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
