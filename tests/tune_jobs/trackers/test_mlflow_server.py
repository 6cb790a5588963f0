"""A server of MLflow's that is down at first: what it missed is sent later, and no secret with it."""

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.trackers.sender import Sender, client_of

pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
SECRETS = {"MLFLOW_TRACKING_TOKEN": "MARKED-4711", "MY_API_KEY": "MARKED-4712", "PLAIN": "MARKED-4713"}


class Server(ThreadingHTTPServer):
    """Answers the calls that runs need, as MLflow's own server does, and keeps what it was sent."""

    def __init__(self, port: int) -> None:
        self.runs: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", port), _Answers)

    def answer(self, call: str, told: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what a call is answered; None if what it asks for does not exist."""
        if call == "experiments/get-by-name":
            return None
        if call == "experiments/create":
            return {"experiment_id": "1"}
        if call == "runs/search":
            return {"runs": self.runs}
        if call == "runs/create":
            info = {"run_id": f"{len(self.runs):032x}", "run_name": told["run_name"], "experiment_id": "1"}
            self.runs.append({"info": {**info, "status": "RUNNING"}, "data": {"tags": told["tags"], "metrics": []}})
            return {"run": self.runs[-1]}
        run = self.runs[int(told["run_id"], 16)]
        if call == "runs/update":
            run["info"]["status"] = told["status"]
        for name in ("tags", "metrics"):
            run["data"][name] += told.get(name, [])
        return {"run": run, "run_info": run["info"]}


class _Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.bodies.append(body)
        call, _, query = self.path.partition("mlflow/")[2].partition("?")
        told = json.loads(body) if body else dict(part.split("=") for part in query.split("&"))
        found = self.server.answer(call, told)
        answer = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"} if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def up(port: int) -> Iterator[Server]:
    """Run a server at a port."""
    with Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Find a port of this machine at which nobody answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port of this machine at which nothing answers yet; the environment has secrets."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return free_port()


def test_what_a_server_missed_while_it_was_down_is_sent_once_it_is_up(
    port: int, ledger: Ledger, make_record: Callable[..., Record]
) -> None:
    records = [make_record(seed=seed, epochs=3) for seed in range(3)]
    ledger.write(*records)
    down = sent(ledger, port, *records)
    assert down[-1] == {"end": True, "sent": 0, "left": 3}
    (problem,) = (answer["problem"] for answer in down if "problem" in answer)
    assert f"port={port}" in problem
    with up(port) as server:
        assert sent(ledger, port, *records)[-1] == {"end": True, "sent": 3, "left": 0}
        assert sent(ledger, port, *records)[-1] == {"end": True, "sent": 0, "left": 0}
    assert {run["info"]["run_name"] for run in server.runs} == {f"width: 4, seed {seed}" for seed in range(3)}
    for run in server.runs:
        assert run["info"]["status"] == "FINISHED"
        accuracies = [one["step"] for one in run["data"]["metrics"] if one["key"] == "validation_accuracy"]
        assert accuracies == [1, 2, 3]
    everything = b"".join(server.bodies).decode() + str(down)
    assert "digits" in everything
    assert not [value for value in SECRETS.values() if value in everything]


def sent(ledger: Ledger, port: int, *records: Record) -> list[Mapping[str, Any]]:
    """Let a run's sender send its trials to the server; return what it says to the driver."""
    answers: list[Mapping[str, Any]] = []
    told: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    told.put({"levels": {record.key: {"width": ["4"]} for record in records}})
    told.put({"finish": {"all": False}})
    place = f"http://127.0.0.1:{port}"
    client = lambda: client_of("mlflow", place, "study")  # noqa: E731
    Sender(ledger.storage, "study", f"mlflow:{place}", client, answers.append).serve(told)
    return answers
