"""Run by Ray to start a worker, in the place of its own `setup_worker.py`: asks a fork server for one.

Where none answers, or the worker needs an environment of its own, Ray's own script starts it.
"""

import json
import os
import socket
import sys
from pathlib import Path

# The variable that names the server's socket.
FORK_SERVER = "ABLATUNE_FORK_SERVER"
# Ray waits a minute for a worker.
_PATIENCE_SECONDS = 25.0
# Of Ray's own script; the others are the worker's.
_CONTEXT, _LANGUAGE = "--serialized-runtime-env-context=", "--language="


def main(arguments: list[str]) -> None:
    """Start a worker.

    Args:
        arguments: the worker's script, and what it and Ray's own script are told.
    """
    server = os.environ.pop(FORK_SERVER, "")
    own = [one for one in arguments if one.startswith((_CONTEXT, _LANGUAGE))]
    context = next((one.removeprefix(_CONTEXT) for one in own if one.startswith(_CONTEXT)), "{}")
    if is_plain(context) and forked(server, [one for one in arguments if one not in own]):
        return
    script = Path(arguments[0]).with_name("setup_worker.py")
    os.execv(sys.executable, [sys.executable, str(script), *arguments])


def is_plain(context: str) -> bool:
    """Whether Ray's context of a worker, in JSON, asks for no more than this Python."""
    told = json.loads(context)
    return told.pop("py_executable", None) in (None, sys.executable) and not any(told.values())


def forked(server: str, arguments: list[str]) -> bool:
    """Ask a server for a worker with this process's variables, folder and streams; return whether it has forked one."""
    wanted = {"arguments": arguments, "variables": dict(os.environ), "folder": os.getcwd()}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.settimeout(_PATIENCE_SECONDS)
            asking.connect(server)
            asking.recv(1)
            socket.send_fds(asking, [json.dumps(wanted).encode()], [0, 1, 2])
            asking.settimeout(None)
            return bool(asking.recv(1))
    except OSError:  # there is none, or it has just ended
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
