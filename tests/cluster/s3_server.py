"""A simulated S3 on this machine, with a server in front of it that counts requests and can be told to misbehave."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BUCKET = "bucket"
# Nothing here may reach a real cloud, nor read what the machine has for one.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "dummy",
    "AWS_SECRET_ACCESS_KEY": "dummy/secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # Where no endpoint is named, nobody listens.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
FOREIGN = ("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3")

# What to answer a request (method, path, headers) with, as (status, name of the error); None lets it through.
Fault = Callable[[str, str, Any], tuple[int, str] | None]


class Gate(ThreadingHTTPServer):
    """The server in front.

    Attributes:
        requests: method and path of each request so far.
        fault: what goes wrong now.
        cut: whether connections are cut without an answer.
        delay_seconds: before each answer.
        most_at_once: requests that were served at the same time.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port_behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.port_behind = port_behind
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        self.at_once = 0
        self.behave()

    def behave(self) -> None:
        """Let everything through, and count anew."""
        self.fault: Fault = lambda method, path, headers: None
        self.cut = False
        self.delay_seconds = 0.0
        self.most_at_once = 0
        self.requests.clear()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def uri(self, prefix: str, bucket: str = BUCKET) -> str:
        """Return the URI of a prefix, by way of this server."""
        return f"s3://{bucket}/{prefix}?endpoint_override={self.address}&scheme=http"

    def counted(self, kind: str) -> int:
        """Return how many requests there were of a method."""
        return sum(method == kind for method, _ in self.requests)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that was killed is no error."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def log_message(self, *args: Any) -> None:
        pass

    def _pass(self) -> None:
        gate = self.server
        with gate.lock:
            gate.requests.append((self.command, self.path))
            gate.at_once += 1
            gate.most_at_once = max(gate.most_at_once, gate.at_once)
        try:
            body = self._body()
            time.sleep(gate.delay_seconds)
            wrong = gate.fault(self.command, self.path, self.headers)
            if gate.cut:
                self.close_connection = True
            elif wrong is not None:
                text = f"<?xml version='1.0'?><Error><Code>{wrong[1]}</Code><Message>no</Message></Error>"
                self._answer(wrong[0], [("Content-Type", "application/xml")], text.encode())
            else:
                self._answer(*self._asked(body))
        finally:
            with gate.lock:
                gate.at_once -= 1

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        behind = http.client.HTTPConnection("127.0.0.1", self.server.port_behind, timeout=60)
        try:
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("transfer-encoding", "content-length", "expect"):
                    behind.putheader(name, value)
            behind.putheader("Content-Length", str(len(body)))
            behind.endheaders(body)
            answer = behind.getresponse()
            headers = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection")]
            return answer.status, headers, answer.read()
        finally:
            behind.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[Gate, subprocess.Popen[bytes]]]:
    """Start the simulation with an empty bucket; yield the server in front of it, and the process behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **ENVIRONMENT}
    with (folder / "moto.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        _make_bucket(port)
        gate = Gate(port)
        thread = threading.Thread(target=gate.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield gate, process
        finally:
            gate.shutdown()
            gate.server_close()
            thread.join()
    finally:
        process.kill()
        process.wait()


def _make_bucket(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("PUT", f"/{BUCKET}")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        finally:
            connection.close()
        time.sleep(0.2)


def objects(gate: Gate, prefix: str = "") -> dict[str, int]:
    """Return the keys of the bucket below a prefix, each with its size: all of them, also those that pyarrow hides."""
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{gate.port_behind}")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", [])}
    finally:
        client.close()
