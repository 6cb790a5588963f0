"""CUDA graphs: a computation of many small kernels, recorded once and replayed as one.

On a small network a GPU waits for the processor, which launches kernels one after another. A replay launches the same
kernels on the same memory, so the numbers are the same, bit for bit.
"""

import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch

# Calls before a computation is captured: they load kernels, and one that is called less often is not worth a capture.
CALLS_BEFORE_CAPTURE = 16

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Replayed(Generic[T]):
    """A computation that reads and writes tensors that stay where they are; on CUDA it becomes a graph.

    It is called as it is a few times, and then captured. If it cannot be captured, it goes on as it is, and a warning
    says so. On the CPU it is just called.

    Args:
        device: that it computes on.
        graphs: whether it may be captured.
    """

    def __init__(self, device: torch.device, *, graphs: bool) -> None:
        self._captures = graphs and device.type == "cuda"
        self._calls = 0
        self._graph: Any = None
        self._result: T | None = None
        # Capturing needs a stream of its own, and kernels that were loaded on it.
        self._device = device
        self._stream: Any = torch.cuda.Stream(device) if self._captures else None  # type: ignore[no-untyped-call]

    def __call__(self, compute: Callable[[], T]) -> T:
        """Compute; tensors in the result are overwritten by the next call.

        Args:
            compute: nothing but work on the device, and the same in every call; what it draws comes from the device's
                default generator. It is not kept: whoever owns this may own what it computes with.
        """
        if not self._captures:
            return compute()
        if self._graph is None:
            self._calls += 1
            if self._calls <= CALLS_BEFORE_CAPTURE:
                return self._on_stream(compute)
            if not self._capture(compute):
                return compute()
        self._graph.replay()
        return self._result  # type: ignore[return-value]

    def _on_stream(self, compute: Callable[[], T]) -> T:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = compute()
        current.wait_stream(self._stream)
        return result

    def _capture(self, compute: Callable[[], T]) -> bool:
        """Capture the computation, which does not run it; return whether that worked."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=self._stream):
                self._result = compute()
        except RuntimeError as error:  # out of memory is one too
            self._captures, self._result = False, None
            _log.warning("training goes on without CUDA graphs: %s", str(error).partition("\n")[0])
            return False
        self._graph = graph
        return True
