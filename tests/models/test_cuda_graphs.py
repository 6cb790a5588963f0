"""When a computation is called, captured and replayed, with a CUDA that only counts."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models import cuda_graphs
from models.cuda_graphs import CALLS_BEFORE_CAPTURE, Replayed

CUDA = torch.device("cuda")


class Stream:
    def __init__(self, *device: Any) -> None:
        self.waited = 0

    def wait_stream(self, other: Any) -> None:
        self.waited += 1


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is replayed, on a machine that pretends to have CUDA."""
    seen: list[str] = []
    graph = SimpleNamespace(replay=lambda: seen.append("replay"))
    for name, value in {
        "Stream": Stream,
        "current_stream": Stream,
        "stream": nullcontext,
        "device": nullcontext,
        "CUDAGraph": lambda: graph,
        "graph": lambda graph, stream: nullcontext(),
    }.items():
        monkeypatch.setattr(cuda_graphs.torch.cuda, name, value)
    return seen


def test_it_is_called_a_few_times_then_captured_once_and_replayed(replays: list[str]) -> None:
    calls: list[int] = []
    replayed = Replayed[None](CUDA, graphs=True)
    for _ in range(CALLS_BEFORE_CAPTURE + 5):
        replayed(lambda: calls.append(1))
    assert len(calls) == CALLS_BEFORE_CAPTURE + 1
    assert len(replays) == 5


def test_one_that_cannot_be_captured_goes_on_and_says_so_once(
    replays: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(graph: Any, stream: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(cuda_graphs.torch.cuda, "graph", refused)
    calls: list[int] = []
    replayed = Replayed[None](CUDA, graphs=True)
    for _ in range(CALLS_BEFORE_CAPTURE + 5):
        replayed(lambda: calls.append(1))
    assert len(calls) == CALLS_BEFORE_CAPTURE + 5
    assert replays == []
    assert [record.message for record in caplog.records] == [
        "training goes on without CUDA graphs: operation not permitted when stream is capturing"
    ]


@pytest.mark.parametrize(("device", "graphs"), [(torch.device("cpu"), True), (CUDA, False)])
def test_without_graphs_it_is_just_called(device: torch.device, graphs: bool) -> None:
    calls: list[int] = []
    replayed = Replayed[None](device, graphs=graphs)
    for _ in range(CALLS_BEFORE_CAPTURE + 5):
        replayed(lambda: calls.append(1))
    assert len(calls) == CALLS_BEFORE_CAPTURE + 5
