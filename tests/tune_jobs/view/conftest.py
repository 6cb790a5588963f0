"""A page of `view` that is served, of a study whose ledger is full."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.tune_jobs.commands.conftest import filled  # noqa: F401 - a fixture
from tune_jobs.commands.view import watched
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.view.reports import CurrentReport
from tune_jobs.view.server import Viewed, application

TOKEN = "a-token"


@dataclass
class Page:
    """A page that is served."""

    origin: str

    @property
    def address(self) -> str:
        return f"{self.origin}/{TOKEN}/"

    def get(self, path: str) -> str:
        """Return what lies at a path."""
        with urllib.request.urlopen(self.address + path) as answer:
            return str(answer.read().decode())

    def states(self) -> list[Any]:
        """Return where each study stands."""
        return list(json.loads(self.get("state"))["studies"])

    def once(self, ready: Callable[[Any], bool]) -> Any:
        """Ask, as the page does, until the first study is as wanted."""
        end = time.monotonic() + 60
        while not ready(state := self.states()[0]):
            assert time.monotonic() < end, state
            time.sleep(0.2)
        return state

    def refused(self, address: str, **request: Any) -> tuple[int, str]:
        """Return the status of a request that fails, and what is said."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address, **request))
        with refused.value as answer:
            return answer.code, answer.read().decode()


@pytest.fixture
def page(filled: tuple[Path, Ledger], tmp_path: Path) -> Iterator[Page]:  # noqa: F811
    path, ledger = filled
    places = ["--storage", ledger.storage.uri, "--data-dir", str(tmp_path)]
    report = CurrentReport([str(path), *places], tmp_path / "report")
    studies = {"0-widths": Viewed(watched(str(path), ledger.storage.uri, tmp_path), report)}
    server = uvicorn.Server(uvicorn.Config(application(studies, TOKEN), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Page(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        studies["0-widths"].report.close()
