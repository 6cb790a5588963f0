"""What the user's code changes in its process besides its own modules: settings, and functions of libraries.

The process ends after its use, so nothing of it reaches another trial. It is noticed so that it can be said.
"""

import decimal
import inspect
import locale
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

from tune_jobs.isolation.own_builtins import OwnBuiltins

# Their functions and classes are compared, and the methods of torch's classes.
_LIBRARIES = (
    "builtins",
    "copy",
    "io",
    "json",
    "locale",
    "math",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "os",
    "os.path",
    "pickle",
    "random",
    "re",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
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
# Functions that wrap each other; a chain without an end is possible.
_MOST_WRAPPED = 50
# What reads a setting may be replaced, or need what is.
_UNREADABLE = object()
# Environment variables that libraries set themselves.
_OF_LIBRARIES = ("CUBLAS", "KMP_", "PYTORCH", "TORCH", "TRITON")

# The user's code may replace them.
_getcwd, _exists, _setlocale, _getsignal = os.getcwd, os.path.exists, locale.setlocale, signal.getsignal
_printoptions, _geterr, _getcontext = np.get_printoptions, np.geterr, decimal.getcontext
_SIGNALS = sorted(signal.valid_signals())
_SETTINGS: Mapping[str, Callable[[], Any]] = {
    "torch's default dtype": torch.get_default_dtype,
    "torch's default device": torch.get_default_device,
    "torch's number of threads": torch.get_num_threads,
    "torch's deterministic mode": torch.are_deterministic_algorithms_enabled,
    "torch's precision of matrix products": torch.get_float32_matmul_precision,
    "torch's gradient mode": torch.is_grad_enabled,
    # torch does not say; half the smallest normal number is denormal.
    "the handling of denormal numbers": lambda: sys.float_info.min / 2 > 0,
    "torch's random seed": torch.initial_seed,
    "torch's print options": lambda: repr(getattr(torch._tensor_str, "PRINT_OPTS", None)),
    "the hooks of all modules": lambda: {
        name: list(hooks) for name, hooks in vars(torch.nn.modules.module).items() if name.endswith("_hooks")
    },
    "cuDNN's settings": lambda: (
        torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
    ),
    "NumPy's print options": lambda: repr(sorted(_printoptions().items(), key=str)),
    "NumPy's handling of floating-point errors": lambda: repr(sorted(_geterr().items())),
    "the decimal context": lambda: repr(_getcontext()),
    "the working folder": lambda: _getcwd() if _exists(".") else "",
    "the locale": lambda: _setlocale(locale.LC_ALL),
    "the environment": lambda: {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_LIBRARIES)
    },
    # Libraries add some for their own warnings when they are imported.
    "the warnings filters": lambda: [
        (action, category)
        for action, message, category, module, _ in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ],
    "the recursion limit": sys.getrecursionlimit,
    "the display of exceptions": lambda: sys.excepthook,
    "signal handlers": lambda: [_getsignal(number) for number in _SIGNALS],
}


@dataclass(frozen=True)
class ProcessState:
    """What is compared: the settings of the process, and the attributes of libraries by their names.

    Attributes:
        settings: `_UNREADABLE` where reading one raises.
        attributes: None where reading them raises.
    """

    settings: Mapping[str, Any]
    attributes: Mapping[str, Any] | None

    @classmethod
    def now(cls) -> "ProcessState":
        """That of this process; takes milliseconds, and raises nothing whatever the user's code has replaced."""
        with OwnBuiltins() as builtins:
            settings = {name: _read(read, _UNREADABLE) for name, read in _SETTINGS.items()}
            return cls(settings, _read(lambda: dict(_attributes(builtins)), None))

    def changes(self, later: "ProcessState") -> Iterator[str]:
        """Say what has changed, each in a few words."""
        for name, before in self.settings.items():
            if not _same(before, later.settings[name]):
                yield name
        if self.attributes is None:
            return
        if later.attributes is None:
            yield "what the check for such changes needs"
            return
        patched = [
            name
            for name, before in self.attributes.items()
            if later.attributes.get(name) is not before
            if name not in later.attributes or not _replaced_by_library(name, later.attributes[name])
        ]
        # In the order of the libraries, so that a class has its usual name before those it is imported under.
        for name, value in later.attributes.items():
            cls, _, method = name.rpartition(".")
            added = name not in self.attributes and _overrides(self.attributes.get(cls), method)
            if added and not _replaced_by_library(name, value):
                patched.append(name)
        if patched:
            more = f" and {len(patched) - _MOST_NAMED} more" if len(patched) > _MOST_NAMED else ""
            yield ", ".join(patched[:_MOST_NAMED]) + more


def _same(before: Any, later: Any) -> bool:
    """Compare values whose comparison may raise."""
    return bool(_read(lambda: before == later, False))


def _read(read: Callable[[], Any], otherwise: Any) -> Any:
    """Call a function; what it raises is `otherwise`."""
    try:
        return read()
    except BaseException:
        return otherwise


def _attributes(builtins: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    private: dict[str, type] = {}
    for library in _LIBRARIES:
        module = sys.modules.get(library)
        found = builtins if library == "builtins" else vars(module) if module is not None else {}
        for name, value in list(found.items()):
            # A module that is imported later appears in its package; a private name is the library's to change, but
            # for the function that `import` calls.
            if (name.startswith("_") and name != "__import__") or _is(value, ModuleType):
                continue
            if callable(value):
                yield f"{library}.{name}", value
            if _is(value, type) and library.startswith("torch"):
                yield from ((f"{library}.{name}.{method}", found) for method, found in _methods(value))
                private |= {f"{base.__module__}.{base.__name__}": base for base in value.__mro__ if _is_private(base)}
    for name, base in private.items():
        yield name, base
        yield from ((f"{name}.{method}", found) for method, found in _methods(base))


def _is(value: Any, kind: type) -> bool:
    """Whether a value is of a class; unlike `isinstance`, this asks nothing of the value."""
    return issubclass(type(value), kind)


def _is_private(cls: type) -> bool:
    """Whether a class of torch is in no public module, as the base of the convolutions."""
    return cls.__name__.startswith("_") and cls.__module__.startswith("torch")


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(cls).items()):
        if callable(value) or isinstance(value, staticmethod | classmethod | property):
            yield name, value


def _overrides(cls: Any, method: str) -> bool:
    """Whether a class inherits a method of that name too."""
    return inspect.isclass(cls) and any(method in vars(base) for base in cls.__mro__[1:])


def _replaced_by_library(name: str, value: Any) -> bool:
    """Whether a library may have put it there itself, as torch wraps its own functions when they are first called."""
    return bool(_read(lambda: _is_of_library(name, value), False))


def _is_of_library(name: str, value: Any) -> bool:
    library, attribute = name.partition(".")[0], name.rpartition(".")[2]
    # torch.Storage is another class with another default dtype.
    same = inspect.isclass(value) or getattr(value, "__name__", attribute) == attribute
    return same and all(module.partition(".")[0] == library for module in _origins(value, library))


def _origins(value: Any, library: str) -> Iterator[str]:
    """Yield the modules that a function and those that it wraps are written in; `__module__` may be a copy."""
    for _ in range(_MOST_WRAPPED):
        if isinstance(value, staticmethod | classmethod | MethodType):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        elif isinstance(value, FunctionType):
            yield str(value.__globals__.get("__name__"))
            value = vars(value).get("__wrapped__")
        else:
            break
        if value is None:
            return
    of_c = type(value).__module__ == "builtins"
    yield str(getattr(value, "__module__", None) or library) if of_c else type(value).__module__
