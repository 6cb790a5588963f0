"""A process that has imported what workers need, and forks a worker whenever Ray starts one.

Importing PyTorch takes seconds of a core, a fork takes milliseconds, and all forks share its memory. Ray itself must
not be imported here: as its library is loaded it reads, once, what each worker is told in variables.

    fork_server.py SOCKET MODULE…

SOCKET is the number of the listening socket at which `start_worker.py` asks; standard input ends with the driver.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

# What the two sides say to each other, and the most that is said; variables and arguments are far less.
READY, FORKED, MOST_BYTES = b"ready", b"forked", 2**20
_STREAMS = 3  # standard input, output and error


def main() -> None:
    """Import modules; fork at each request; run in the fork what the request names."""
    sys.path.pop(0)  # the folder of this file
    _, listening, *modules = sys.argv
    for name in modules:
        # A worker that lacks one says so when it needs it.
        with suppress(Exception):
            importlib.import_module(name)
    gc.freeze()
    server = socket.socket(fileno=int(listening))
    address = Path(server.getsockname())
    wanted = _serve(server)
    if wanted is not None:
        _become(wanted)
        return
    with suppress(OSError):
        address.unlink()
        address.parent.rmdir()


def _serve(server: socket.socket) -> dict[str, Any] | None:
    """Fork at each request; return it in the fork, and None here once the driver has ended."""
    # Nobody waits for the forks; Ctrl-C at the terminal is for the driver.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if sys.stdin in ready:
            return None
        asking, _ = server.accept()
        with asking:
            wanted, streams = _request(asking)
            if streams and _fork() == 0:
                server.close()
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                asking.send(FORKED)
                _close(streams)
                return dict(json.loads(wanted))
            _close(streams)


def _request(asking: socket.socket) -> tuple[bytes, list[int]]:
    """What is wanted, and the streams of the worker; none if who asks has waited too long, and does without."""
    try:
        asking.send(READY)
        wanted, streams, _, _ = socket.recv_fds(asking, MOST_BYTES, _STREAMS)
    except OSError:
        return b"", []
    return wanted, streams


def _fork() -> int:
    with warnings.catch_warnings():
        # The libraries' threads know of forks, and no other runs here.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _close(streams: list[int]) -> None:
    for stream in streams:
        os.close(stream)


def _become(wanted: dict[str, Any]) -> None:
    """Run a script as if Python had been started with it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
    os.environ.clear()
    os.environ.update(wanted["variables"])
    os.chdir(wanted["folder"])
    if "numpy" in sys.modules:
        # Python's own generator begins anew in a fork, NumPy's does not.
        sys.modules["numpy"].random.seed()
    sys.argv = wanted["arguments"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
