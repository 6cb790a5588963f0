"""The components that a study's document names: `datasets`, `labels`, and references to the user's code."""

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.registry import DATASETS
from models.registry import is_reference
from tune_jobs.errors import UserError, unknown
from tune_jobs.study.yaml_node import YamlNode, plain
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.user_code.components import Components, references_in
from tune_jobs.user_code.datasets import Catalog
from tune_jobs.user_code.modules import Code, freeze
from tune_jobs.user_code.parameters import KINDS, built_in_options
from tune_jobs.user_code.questions import ask_parameters


def read_components(root: YamlNode, overrides: Mapping[str, Any], data_dir: Path | None, defined: Code) -> Components:
    """Find the components that a study's document and its overrides name.

    Raises:
        UserError: a mistake in a declaration, or a reference to something that does not exist.
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
    datasets = dict.fromkeys([TrialConfig.dataset, *(value for kind, value in named if kind == "dataset")])
    built_in = [DATASETS[name] for name in datasets if name in DATASETS]
    parameters = {("dataset", info.name): built_in_options(info.option_specs) for info in built_in}
    if not references and not declared:
        return _checked_labels(Components(parameters=parameters), root.get("labels"), named)
    code = freeze(references.values(), folders, defined.sources)
    for (kind, name), reference in references.items():
        parameters[kind, name] = ask_parameters(code, kind, reference)
    catalog = Catalog(declared, [*folders, *([data_dir] if data_dir is not None else [])], code)
    own = Components(code, parameters, catalog)
    return _checked_labels(own, root.get("labels"), named)


def _declarations(node: YamlNode | None) -> dict[str, Declaration]:
    declared = {}
    for name, child in node.pairs() if node is not None else ():
        try:
            declared[name] = Declaration.from_mapping(name, plain(child.value))
        except DatasetError as error:
            raise UserError(f"{child.file}, line {child.line}: {error}") from error
    return declared


def _checked_labels(own: Components, node: YamlNode | None, named: Collection[tuple[str, str]]) -> Components:
    """Add the study's labels to its components; each must label a field or something that the study names."""
    labels = {}
    known = own.known_names() | {value for _, value in named}
    for name, child in node.pairs() if node is not None else ():
        if own.canonical(name) not in known:
            raise child.error(f"names nothing in this study: {unknown('field or name', name, known)}")
        labels[own.canonical(name)] = node.text(name, "") if node is not None else ""
    return replace(own, labels={**_whole_references(named, labels), **labels})


def _whole_references(named: Collection[tuple[str, str]], labels: Mapping[str, str]) -> dict[str, str]:
    """Label references by their whole where the last part is that of another: `good:Net` beside `seeder:Net`."""
    defaults = {(kind, str(getattr(TrialConfig, kind))) for kind in KINDS}
    by_label: dict[tuple[str, str], set[str]] = {}
    for kind, value in {*named, *defaults}:
        by_label.setdefault((kind, labels.get(value) or FIELDS[kind].describe(value)), set()).add(value)
    same = [value for values in by_label.values() if len(values) > 1 for value in values]
    return {value: value for value in same if is_reference(value) and value not in labels}
