"""The texts of the user's modules: found, read, what they import, and what of them counts."""

import ast
import io
import sys
import sysconfig
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.registry import PACKAGES
from tune_jobs.errors import UserError

_LIBRARIES = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_FOLDERS_OF_LIBRARIES = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class ModuleSource:
    """A module as it was read. `name` is the user's; `models.registry.import_name` gives the name it is imported as."""

    name: str
    path: str
    text: str
    package: bool


def with_parents(name: str) -> list[str]:
    """The names of the packages that a module is in, the outermost first, and its own."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def find_module(name: str, folders: Sequence[Path]) -> ModuleSource | None:
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


def imports_of(source: ModuleSource) -> Iterator[str]:
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


def significant(text: str) -> str:
    """The text of a module without comments, blank lines and trailing spaces."""
    # Only these end a line for `tokenize`; `str.splitlines` also splits at form feeds, and would count otherwise.
    kept = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            kept[row - 1] = kept[row - 1][:column]
    return "\n".join(line.rstrip() for line in kept if line.strip())
