"""Imports the user's modules from the text that was frozen, in place of their files."""

import ast
from collections.abc import Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import CodeType, ModuleType
from typing import Any

from models.registry import PACKAGES, import_name
from tune_jobs.user_code.module_sources import ModuleSource


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
        own = frozenset(source.name.partition(".")[0] for source in FINDER.sources.values()) & PACKAGES
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


FINDER = _Finder()
