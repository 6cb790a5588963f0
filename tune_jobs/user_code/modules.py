"""The user's modules: found beside the study, frozen as they were read, fingerprinted, and carried to workers.

The frozen text is what is imported, here and on every worker, so an edit during a run has no effect on it.
"""

import ast
import hashlib
import importlib
import io
import sys
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

from models.registry import PACKAGES, import_name
from tune_jobs.errors import UserError
from tune_jobs.isolation.failure import Failure
from tune_jobs.isolation.own_builtins import OwnBuiltins

_LIBRARIES = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_FOLDERS_OF_LIBRARIES = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class ModuleSource:
    """A module as it was read. `name` is the user's; `models.registry.import_name` gives the name it is imported as."""

    name: str
    path: str
    text: str
    package: bool


_NONE: Mapping[str, ModuleSource] = MappingProxyType({})


@dataclass(frozen=True)
class Code:
    """The user's modules that references need, by name; picklable."""

    sources: Mapping[str, ModuleSource] = field(default_factory=dict)

    def install(self) -> None:
        """Make the modules importable in this process; they replace modules of the same names."""
        _FINDER.sources.update({import_name(name): source for name, source in self.sources.items()})
        loaded = {name: sys.modules.get(import_name(name)) for name in self.sources}
        if any(
            module is not None and getattr(module, "__frozen_text__", None) != self.sources[name].text
            for name, module in loaded.items()
        ):
            # An unchanged module may hold objects of a changed one, so all are imported again.
            for name in self.sources:
                sys.modules.pop(import_name(name), None)
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)

    def fingerprint(self, reference: str) -> str:
        """Hash the code of ``module:Name`` and of the modules it imports: 16 hex digits, or "" for a library.

        Comments, blank lines and trailing spaces do not count.
        """
        names = sorted(_closure(reference.partition(":")[0], self.sources))
        if not names:
            return ""
        digest = hashlib.sha256()
        for name in names:
            for part in (name, _significant(self.sources[name].text)):
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
        for part in _parents(name):
            if part in sources:
                continue
            found = defined.get(part) or _find(part, folders)
            if found is None:
                break
            sources[part] = found
            pending += _imports(found)
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
    if isinstance(error, ModuleNotFoundError) and error.name in _parents(import_name(module)):
        return UserError(
            f"{reference}: there is no module {module} beside the study file, in the working folder or "
            "installed; the form is module:Name, for Name in module.py"
        )
    failure = Failure.of(error)
    if isinstance(error, AttributeError) and not failure.place(code.files):
        return UserError(f"{reference}: {module} has no {attribute}; the form is module:Name")
    return UserCodeError.of(failure, reference, code)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _find(name: str, folders: Sequence[Path]) -> ModuleSource | None:
    """Find the user's module of a name; None if there is none or if it belongs to a library."""
    if name in sys.builtin_module_names:
        return None
    relative = Path(*name.split("."))
    own_folders = [folder.resolve() for folder in folders]
    searched = own_folders if name.partition(".")[0] in PACKAGES else [*own_folders, *map(Path, sys.path)]
    for folder in searched:
        for path, package in ((folder / relative / "__init__.py", True), (folder / f"{relative}.py", False)):
            if path.is_file():
                return None if _is_library(path) else _read(name, path, package)
    # As in Python, a folder without an __init__.py comes after all modules.
    spaces = [folder / relative for folder in own_folders if (folder / relative).is_dir()]
    return ModuleSource(name, str(spaces[0]), "", package=True) if spaces else None


def _is_library(path: Path) -> bool:
    resolved = path.resolve()
    ours = Path(__file__).resolve().parents[2]
    if resolved == ours / "ablatune.py" or any(resolved.is_relative_to(ours / package) for package in PACKAGES):
        return True
    return any(part in _FOLDERS_OF_LIBRARIES for part in resolved.parts) or any(
        resolved.is_relative_to(folder) for folder in _LIBRARIES
    )


def _read(name: str, path: Path, package: bool) -> ModuleSource:
    try:
        text = path.read_text(encoding="utf-8-sig")
        ast.parse(text, filename=str(path))
    except SyntaxError as error:
        line = "" if error.lineno is None else f", line {error.lineno}"
        raise UserError(f"{path}{line}: {error.msg}; correct the Python in it") from error
    except (RecursionError, MemoryError) as error:
        raise UserError(f"{path}: is too deeply nested to read as Python; write it with shorter expressions") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as Python ({error}); correct or remove it") from error
    return ModuleSource(name, str(path), text, package)


def _imports(source: ModuleSource) -> Iterator[str]:
    """Yield the names of modules that a module may import, anywhere in its text."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, source)
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _absolute(node: ast.ImportFrom, source: ModuleSource) -> str:
    if not node.level:
        return node.module or ""
    parts = source.name.split(".")
    kept = parts[: len(parts) - node.level + source.package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _closure(name: str, sources: Mapping[str, ModuleSource]) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        for part in _parents(pending.pop()):
            if part in sources and part not in found:
                found.add(part)
                pending += _imports(sources[part])
    return found


def _significant(text: str) -> str:
    """The text of a module without comments, blank lines and trailing spaces."""
    # Only these end a line for `tokenize`; `str.splitlines` also splits at form feeds, and would count otherwise.
    kept = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            kept[row - 1] = kept[row - 1][:column]
    return "\n".join(line.rstrip() for line in kept if line.strip())


class _Rename(ast.NodeTransformer):
    """Lets the user's modules import each other even if one is named like a package of this project."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def visit_Import(self, node: ast.Import) -> Any:
        nodes: list[ast.stmt] = []
        for alias in node.names:
            if not self._colliding(alias.name):
                nodes.append(ast.Import([alias]))
            elif alias.asname is not None or "." not in alias.name:
                nodes.append(ast.Import([ast.alias(import_name(alias.name), alias.asname or alias.name)]))
            else:
                top = alias.name.partition(".")[0]
                nodes.append(ast.Import([ast.alias(import_name(alias.name))]))
                nodes.append(ast.Import([ast.alias(import_name(top), top)]))
        return [ast.copy_location(new, node) for new in nodes]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if not node.level and self._colliding(node.module or ""):
            node.module = import_name(node.module or "")
        return node

    def _colliding(self, name: str) -> bool:
        return name.partition(".")[0] in self._own


class _Loader(InspectLoader):
    def __init__(self, source: ModuleSource) -> None:
        self._source = source

    def get_source(self, fullname: str) -> str:
        return self._source.text

    def is_package(self, fullname: str) -> bool:
        return self._source.package

    def get_code(self, fullname: str) -> CodeType:
        own = frozenset(source.name.partition(".")[0] for source in _FINDER.sources.values()) & PACKAGES
        tree = ast.parse(self._source.text, filename=self._source.path)
        tree = ast.fix_missing_locations(_Rename(own).visit(tree))
        code: CodeType = compile(tree, self._source.path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._source.path
        module.__frozen_text__ = self._source.text  # type: ignore[attr-defined]
        super().exec_module(module)


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self.sources: dict[str, ModuleSource] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = self.sources.get(fullname)
        if source is None:
            return None
        return spec_from_loader(fullname, _Loader(source), origin=source.path, is_package=source.package)


_FINDER = _Finder()
