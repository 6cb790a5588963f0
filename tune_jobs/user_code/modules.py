"""The user's modules: found beside the study, frozen as they were read, fingerprinted, and carried to workers.

The frozen text is what is imported, here and on every worker, so an edit during a run has no effect on it.
"""

import hashlib
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.registry import import_name
from tune_jobs.errors import UserError
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.own_builtins import OwnBuiltins
from tune_jobs.user_code.frozen_imports import FINDER
from tune_jobs.user_code.module_sources import ModuleSource, find_module, imports_of, significant, with_parents

_NONE: Mapping[str, ModuleSource] = MappingProxyType({})


@dataclass(frozen=True)
class Code:
    """The user's modules that references need, by name; picklable."""

    sources: Mapping[str, ModuleSource] = field(default_factory=dict)

    def install(self) -> None:
        """Make the modules importable in this process; they replace modules of the same names."""
        FINDER.sources.update({import_name(name): source for name, source in self.sources.items()})
        loaded = {name: sys.modules.get(import_name(name)) for name in self.sources}
        if any(
            module is not None and getattr(module, "__frozen_text__", None) != self.sources[name].text
            for name, module in loaded.items()
        ):
            # An unchanged module may hold objects of a changed one, so all are imported again.
            for name in self.sources:
                sys.modules.pop(import_name(name), None)
        if FINDER not in sys.meta_path:
            sys.meta_path.insert(0, FINDER)

    def fingerprint(self, reference: str) -> str:
        """Hash the code of ``module:Name`` and of the modules it imports: 16 hex digits, or "" for a library.

        Comments, blank lines and trailing spaces do not count.
        """
        names = sorted(_closure(reference.partition(":")[0], self.sources))
        if not names:
            return ""
        digest = hashlib.sha256()
        for name in names:
            for part in (name, significant(self.sources[name].text)):
                digest.update(f"{len(part)}:{part}".encode())
        return digest.hexdigest()[:16]

    @property
    def files(self) -> frozenset[str]:
        """The files of the modules."""
        return frozenset(source.path for source in self.sources.values())


class UserCodeError(UserError):
    """An error in the user's code: the message has its file and line.

    Attributes:
        trace: the traceback.
        reference: to the component that raised, if it is known.
    """

    def __init__(self, message: str, trace: str, reference: str = "") -> None:
        super().__init__(message)
        self.trace = trace
        self.reference = reference

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.trace, self.reference)

    @classmethod
    def of(cls, failure: Failure, what: str, code: Code) -> "UserCodeError":
        """Wrap an exception of the user's code."""
        return cls(f"{what}: {failure.at(code.files)}", "" if failure.exits else failure.traceback)


def freeze(references: Iterable[str], folders: Sequence[Path], defined: Mapping[str, ModuleSource] = _NONE) -> Code:
    """Read the modules that references (``module:Name``) need, and the modules that these import.

    Args:
        references: to the user's code, or to a library, whose modules are not frozen.
        folders: to search for the user's modules, in this order, before `sys.path`.
        defined: modules that are not in a file.

    Raises:
        UserError: a module of the user cannot be read or has a syntax error.
    """
    sources: dict[str, ModuleSource] = {}
    pending = [reference.partition(":")[0] for reference in references]
    while pending:
        name = pending.pop()
        for part in with_parents(name):
            if part in sources:
                continue
            found = defined.get(part) or find_module(part, folders)
            if found is None:
                break
            sources[part] = found
            pending += imports_of(found)
    return Code(sources)


def load_reference(reference: str, code: Code) -> Any:
    """Import, into this process, what ``module:Name`` names, with the user's modules as frozen in ``code``.

    Raises:
        UserError: there is no such module or no such name in it, or the import fails; the message has the user's
            file and line.
    """
    code.install()
    module_name, _, attribute = reference.partition(":")
    try:
        module: Any = importlib.import_module(import_name(module_name))
        for part in attribute.split("."):
            module = getattr(module, part)
    except BaseException as error:  # whatever the user's module raises when it is imported
        with OwnBuiltins():
            raise _not_loaded(error, reference, code) from error
    return module


def _not_loaded(error: BaseException, reference: str, code: Code) -> UserError:
    """Say why a reference could not be followed."""
    module, _, attribute = reference.partition(":")
    if isinstance(error, ModuleNotFoundError) and error.name in with_parents(import_name(module)):
        return UserError(
            f"{reference}: there is no module {module} beside the study file, in the working folder or "
            "installed; the form is module:Name, for Name in module.py"
        )
    failure = Failure.of(error)
    if isinstance(error, AttributeError) and not failure.place(code.files):
        return UserError(f"{reference}: {module} has no {attribute}; the form is module:Name")
    return UserCodeError.of(failure, reference, code)


def _closure(name: str, sources: Mapping[str, ModuleSource]) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        for part in with_parents(pending.pop()):
            if part in sources and part not in found:
                found.add(part)
                pending += imports_of(sources[part])
    return found
