"""Turn classes and functions that are defined in a notebook or in the running script into modules.

A definition and everything it uses are copied; the rest of the notebook or script is never run again.
"""

import ast
import linecache
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.trial.fields import is_plain
from tune_jobs.user_code.module_sources import ModuleSource
from tune_jobs.user_code.modules import Code

_MAIN = "__main__"


def with_references(document: Any) -> tuple[Any, Code]:
    """Replace classes and functions in a study's document by references, and return it with their code.

    Args:
        document: as in a study file, except that a network, a loss, … may be the class or function itself.

    Raises:
        UserError: a value is neither plain nor a class or function that can be imported.
    """
    sources: dict[str, ModuleSource] = {}

    def convert(value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            return {str(name): convert(child, str(name)) for name, child in value.items()}
        if isinstance(value, list | tuple | range):
            return [convert(child, key) for child in value]
        if not callable(value):
            return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
        return _reference(value, sources)

    return convert(document, ""), Code(sources)


def _reference(value: Any, sources: dict[str, ModuleSource]) -> str:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if not module or not name or "<" in name:
        raise UserError(
            f"{value!r}: is not a named class or function; define it with `class` or `def`, outside any function"
        )
    if module != _MAIN:
        return f"{module}:{name}"
    own = f"defined_{name}"
    if own not in sources:
        text = module_text(name, vars(sys.modules[_MAIN]))
        sources[own] = ModuleSource(own, _file_of(value), text, package=False)
    return f"{own}:{name}"


def module_text(name: str, names: Mapping[str, Any]) -> str:
    """Write a module that defines ``name`` as the namespace ``names`` of a notebook or script does.

    Raises:
        UserError: it uses something that is not a definition, an import or a plain value.
    """
    imports: list[str] = []
    definitions: list[str] = []
    seen = {name}
    pending = [name]
    while pending:
        current = pending.pop(0)
        value = names[current]
        if isinstance(value, ModuleType):
            imports.append(f"import {value.__name__} as {current}")
        elif callable(value) and getattr(value, "__module__", None) not in (_MAIN, None):
            imports.append(f"from {value.__module__} import {value.__qualname__} as {current}")
        elif callable(value):
            text = _definition(value)
            # What is used comes first: base classes and decorators are looked up immediately.
            definitions.insert(0, text)
            used = [other for other in _names_used(text) if other in names and other not in seen]
            seen.update(used)
            pending += used
        elif is_plain(value):
            imports.append(f"{current} = {value!r}")
        else:
            raise UserError(
                f"{name}: uses {current}, a {type(value).__name__} of the notebook or script; make it a parameter, or "
                "move the code into a separate file"
            )
    return "\n".join([*sorted(imports), "", *definitions]) + "\n"


def _names_used(text: str) -> list[str]:
    nodes = ast.walk(ast.parse(text))
    return list(
        dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    )


def _definition(value: Any) -> str:
    """The source of a class or function; `inspect` does not find those of a notebook."""
    path, name = _file_of(value), value.__name__
    lines = linecache.getlines(path)
    found = [
        node
        for node in ast.walk(ast.parse("".join(lines)))
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
    ]
    if not found:
        raise UserError(f"{name}: its source cannot be found; move it into a separate file")
    node = found[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "".join(lines[first - 1 : node.end_lineno])


def _file_of(value: Any) -> str:
    functions = [value, *vars(value).values()] if isinstance(value, type) else [value]
    for function in functions:
        code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
        if code is not None:
            return str(code.co_filename)
    raise UserError(f"{value.__name__}: has no Python code; define it in a file")
