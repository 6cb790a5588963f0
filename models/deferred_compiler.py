"""Keeps PyTorch from importing its compiler before something is compiled: that takes a second of every process."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer

# Methods that the compiler must not look into. PyTorch imports it at their first call, to tell it so.
_METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
_COMPILER, _KNOWN_AS = "torch._dynamo", "__dynamo_disable"
# What tells the compiler's kernels to be deterministic, before it is imported and after.
_VARIABLE, _SETTINGS = "TORCHINDUCTOR_DETERMINISTIC", "torch._inductor.config"


@contextmanager
def deterministic() -> Iterator[None]:
    """Let only deterministic algorithms run; `torch.use_deterministic_algorithms` would import the compiler."""
    before = torch.get_deterministic_debug_mode()
    settings = sys.modules.get(_SETTINGS)
    compiled_before = getattr(settings, "deterministic", False)
    os.environ.setdefault(_VARIABLE, "1")
    try:
        torch.set_deterministic_debug_mode("error")
        if settings is not None:
            settings.deterministic = True  # type: ignore[attr-defined]
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        if settings is not None:
            settings.deterministic = compiled_before  # type: ignore[attr-defined]


def defer_compiler() -> None:
    """Let optimizers do without the compiler as long as it is not imported; does nothing on a PyTorch without it."""
    for name in _METHODS:
        method = getattr(getattr(Optimizer, name, None), "__wrapped__", None)
        if method is not None and not hasattr(method, _KNOWN_AS):
            setattr(method, _KNOWN_AS, _hidden_once_imported(method))


def _hidden_once_imported(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*told: Any, **named: Any) -> Any:
        compiler = sys.modules.get(_COMPILER)
        disable = getattr(compiler, "disable", None)  # none while it is being imported
        if disable is None:
            return method(*told, **named)
        hidden = disable(method, wrapping=False)
        setattr(method, _KNOWN_AS, hidden)
        return hidden(*told, **named)

    return call
