"""Finds out within seconds whether a cluster answers; Ray itself tries for minutes, and logs every attempt."""

import os
import socket
import threading
import time
from urllib.parse import urlsplit

from tune_jobs.errors import UserError, first_line, redacted, shown
from tune_jobs.training.settings import RAY_ADDRESS, Cluster

ANSWER_SECONDS = 4.0
# What every gRPC server answers, as HTTP/2 says: the client's preface and empty settings, then the server's settings.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEADER_BYTES, _TYPE, _SETTINGS = 9, 3, 4


def check_address(cluster: Cluster) -> None:
    """Check that the head of a cluster answers; a node on this machine alone needs no check.

    Raises:
        UserError: it does not; says where the address came from.
    """
    if cluster.address is None:
        return
    try:
        host, port = _host_and_port(cluster.address)
    except ConnectionError:
        problem = "no cluster runs on this machine"
    except ValueError as error:
        raise UserError(
            f"{named(cluster)}: is not the address of a cluster; give HOST:PORT of its head, auto or local"
        ) from error
    else:
        problem = _problem(host, port)
    if problem:
        raise UserError(f"{named(cluster)}: {problem}; {_advice(cluster)}")


def head_problem(cluster: Cluster) -> str:
    """Say why the head of a cluster that was joined does not answer now; "" if it does."""
    try:
        return _problem(*_host_and_port(cluster.address or ""))
    except (ConnectionError, ValueError) as error:  # `auto` finds no head on this machine any more
        return first_line(error)


def named(cluster: Cluster) -> str:
    """The address with where it came from, for a message."""
    shown = redacted(cluster.address or "")
    return f"{RAY_ADDRESS}={shown} (set in the environment)" if cluster.from_environment else f"--address {shown}"


def _advice(cluster: Cluster) -> str:
    start = "start the cluster" if cluster.address != "auto" else "start one with `ray start --head`"
    if cluster.from_environment:
        return f"{start}, or unset {RAY_ADDRESS} to run on this machine alone"
    return f"{start}, or leave out --address to run on this machine alone"


def _problem(host: str, port: int) -> str:
    """Say why no cluster can be joined there; "" if one answers."""
    found: list[str] = []
    # In a thread: looking up a name has no time limit.
    asking = threading.Thread(target=lambda: found.append(_asked(host, port)), daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    return found[0] if found else f"no answer within {ANSWER_SECONDS:.0f} s"


def _host_and_port(address: str) -> tuple[str, int]:
    if "://" not in address:
        from tune_jobs.capacity.ray_private import cluster_address

        address = f"ray://{cluster_address(address) if address == 'auto' else address}"
    parts = urlsplit(address)
    if not parts.hostname or parts.port is None:
        raise ValueError("is not the address of a cluster")
    return parts.hostname, parts.port


def _asked(host: str, port: int) -> str:
    until = time.monotonic() + ANSWER_SECONDS
    try:
        with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return ""
            connection.sendall(_GREETING)
            answer = b""
            while len(answer) < _HEADER_BYTES:
                connection.settimeout(max(0.01, until - time.monotonic()))
                part = connection.recv(_HEADER_BYTES - len(answer))
                if not part:
                    return "what listens there is not the head of a cluster"
                answer += part
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:.0f} s"
    except ValueError:  # `idna` refuses it, with a UnicodeError
        return f"{shown(host)} is not the name of a machine"
    except OSError as error:
        return f"nothing answers there ({error.strerror or first_line(error)})"
    return "" if answer[_TYPE] == _SETTINGS else "what listens there is not the head of a cluster"
