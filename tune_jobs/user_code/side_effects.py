"""What the user's code changes in its process besides its own modules: settings, and functions of libraries.

The process ends after its use, so nothing of it reaches another trial. It is noticed so that it can be said.
"""

import decimal
import inspect
import locale
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

# Their functions and classes, and the methods of their classes, are compared.
_LIBRARIES = (
    "builtins",
    "math",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "random",
    "torch",
    "torch.linalg",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.utils.data",
)
_MOST_NAMED = 3
# Environment variables that libraries set themselves.
_OF_LIBRARIES = ("CUBLAS", "KMP_", "PYTORCH", "TORCH", "TRITON")

_SETTINGS: Mapping[str, Callable[[], Any]] = {
    "torch's default dtype": torch.get_default_dtype,
    "torch's default device": torch.get_default_device,
    "torch's number of threads": torch.get_num_threads,
    "torch's deterministic mode": torch.are_deterministic_algorithms_enabled,
    "torch's precision of matrix products": torch.get_float32_matmul_precision,
    "torch's gradient mode": torch.is_grad_enabled,
    "cuDNN's settings": lambda: (
        torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
    ),
    "NumPy's print options": lambda: repr(sorted(np.get_printoptions().items(), key=str)),
    "NumPy's handling of floating-point errors": lambda: repr(sorted(np.geterr().items())),
    "the decimal context": lambda: repr(decimal.getcontext()),
    "the working folder": lambda: os.getcwd() if os.path.exists(".") else "",
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    "the environment": lambda: {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_LIBRARIES)
    },
    "the recursion limit": sys.getrecursionlimit,
    "the display of exceptions": lambda: sys.excepthook,
    "signal handlers": lambda: [signal.getsignal(number) for number in sorted(signal.valid_signals())],
}


@dataclass(frozen=True)
class ProcessState:
    """What is compared: the settings of the process, and the attributes of libraries by their names."""

    settings: Mapping[str, Any]
    attributes: Mapping[str, Any]

    @classmethod
    def now(cls) -> "ProcessState":
        """That of this process; takes milliseconds."""
        return cls({name: read() for name, read in _SETTINGS.items()}, dict(_attributes()))

    def changes(self, later: "ProcessState") -> Iterator[str]:
        """Say what has changed, each in a few words."""
        for name, before in self.settings.items():
            if later.settings[name] != before:
                yield name
        patched = [
            name
            for name, before in self.attributes.items()
            if name in later.attributes and later.attributes[name] is not before
            if not _replaced_by_library(name, later.attributes[name])
        ]
        if patched:
            more = f" and {len(patched) - _MOST_NAMED} more" if len(patched) > _MOST_NAMED else ""
            yield ", ".join(patched[:_MOST_NAMED]) + more


def _attributes() -> Iterator[tuple[str, Any]]:
    for library in _LIBRARIES:
        module = sys.modules.get(library)
        for name, value in list(vars(module).items()) if module is not None else ():
            # A module that is imported later appears in its package; a private name is the library's to change.
            if name.startswith("_") or isinstance(value, ModuleType):
                continue
            if callable(value):
                yield f"{library}.{name}", value
            if inspect.isclass(value) and library.startswith("torch"):
                yield from ((f"{library}.{name}.{method}", found) for method, found in _methods(value))


def _replaced_by_library(name: str, value: Any) -> bool:
    """Whether a library may have put it there itself, as torch wraps its own functions when they are first called."""
    library, _, attribute = name.partition(".")[0], *name.rpartition(".")[1:]
    module = str(getattr(value, "__module__", None) or library)
    # torch.Storage is another class with another default dtype.
    same = inspect.isclass(value) or getattr(value, "__name__", attribute) == attribute
    return module.partition(".")[0] == library and same


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(cls).items()):
        if callable(value) or isinstance(value, staticmethod | classmethod | property):
            yield name, value
