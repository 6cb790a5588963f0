"""Open files on their way to another process, over the socket of a connection.

`multiprocessing.reduction` does the same, but leaves the connection non-blocking after `socket.setdefaulttimeout`.
"""

import os
import socket
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

# The user's code may replace it.
_dup = os.dup


def connected() -> tuple[socket.socket, socket.socket]:
    """Make two ends of a connection that wait as long as it takes."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(True)
    return ends


def send_handles(channel: "Connection[Any, Any]", handles: Sequence[int]) -> None:
    """Send open files; the receiver gets handles of its own."""
    with _socket_of(channel) as end:
        socket.send_fds(end, [b"."], handles)


def receive_handles(channel: "Connection[Any, Any]", count: int) -> list[int]:
    """Receive as many open files as were sent.

    Raises:
        EOFError: the sender has gone.
    """
    with _socket_of(channel) as end:
        _, handles, *_ = socket.recv_fds(end, 1, count)
    if len(handles) != count:
        raise EOFError
    return handles


def hang_up(channel: "Connection[Any, Any]") -> None:
    """End a connection, whoever else has it open."""
    with _socket_of(channel) as end:
        end.shutdown(socket.SHUT_RDWR)


def _socket_of(channel: "Connection[Any, Any]") -> socket.socket:
    end = socket.socket(fileno=_dup(channel.fileno()))
    end.setblocking(True)
    return end
