"""From a study's document to the user's own components that it names: `datasets`, `labels`, references."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from models.registry import is_reference
from tune_jobs.components import Components, references_in
from tune_jobs.errors import UserError
from tune_jobs.own_data import Catalog
from tune_jobs.parameters import Parameters, parameters_of
from tune_jobs.study_file import Node, plain
from tune_jobs.user_code import Code, freeze, load_reference


def read_components(root: Node, overrides: Mapping[str, Any], data_dir: Path | None, defined: Code) -> Components:
    """Return what a study's document, with what is overridden of it, names of the user's own.

    Raises:
        UserError: a declaration is not as it must be, or a reference leads nowhere.
    """
    folders = [Path(root.file).parent, Path()] if os.path.exists(root.file) else [Path()]
    declared = _declarations(root.get("datasets"))
    named = dict.fromkeys([*references_in(plain(root.value)), *references_in(dict(overrides))])
    for kind, value in named:
        if kind == "dataset" and is_reference(value) and value not in declared:
            declared[value] = Declaration(name=value, function=value)
    functions = {name: str(declaration.function) for name, declaration in declared.items() if declaration.function}
    references = {(kind, value): value for kind, value in named if kind != "dataset" and is_reference(value)}
    references |= {("dataset", name): function for name, function in functions.items()}
    if not references and not declared:
        return Components(labels=_labels(root.get("labels")))
    code = freeze(references.values(), folders, defined.sources)
    parameters: dict[tuple[str, str], Parameters] = {}
    for (kind, name), reference in references.items():
        parameters[kind, name] = parameters_of(load_reference(reference, code), kind, reference)
    catalog = Catalog(declared, [*folders, *([data_dir] if data_dir is not None else [])], code)
    return Components(code, parameters, catalog, _labels(root.get("labels")))


def _declarations(node: Node | None) -> dict[str, Declaration]:
    declared = {}
    for name, child in node.pairs() if node is not None else ():
        try:
            declared[name] = Declaration.from_mapping(name, plain(child.value))
        except DatasetError as error:
            raise UserError(f"{child.file}, line {child.line}: {error}") from error
    return declared


def _labels(node: Node | None) -> dict[str, str]:
    if node is None:
        return {}
    return {name: node.text(name, "") for name, _ in node.pairs()}
