"""From the YAML document of a study to the study."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tune_jobs.errors import ConfigError, UserError, shown
from tune_jobs.study.checked_fields import NOT_SETTABLE, NOT_SETTABLE_ADVICE, settings
from tune_jobs.study.declared_metrics import parse_metrics, parse_requirements
from tune_jobs.study.limits import LOOKS, MOST_REPLICATES, check_document, check_tables
from tune_jobs.study.model import Showing, Study
from tune_jobs.study.names import name_problem, refuse_shared_names
from tune_jobs.study.places import places_of, put_in_study
from tune_jobs.study.references import read_components
from tune_jobs.study.resources import parse_resources
from tune_jobs.study.search_parser import parse_search
from tune_jobs.study.showing_parser import SHOWING_KEYS, parse_showing
from tune_jobs.study.table_parser import parse_finals, parse_stage, parse_table
from tune_jobs.study.trackers import parse_trackers
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.user_code.components import Components
from tune_jobs.user_code.modules import Code


def parse_study(
    root: YamlNode,
    *,
    name: str,
    overrides: Mapping[str, Any],
    fraction: float = 1.0,
    data_dir: Path | None = None,
    defined: Code | None = None,
) -> Study:
    """Read the study in a document; see `tune_jobs.study.load.load_study`.

    Args:
        root: of the document.
        name: of the study.
        overrides: fields of the base, as `--set` gives them.
        fraction: share of the epochs at which rows are read.
        data_dir: folder with files of declared datasets.
        defined: code that is not in a file, such as a notebook's.

    Raises:
        UserError: a mistake in the document.
    """
    _check_given(name, overrides, fraction)
    check_document(root)
    root.only(*_KEYS, *SHOWING_KEYS)
    places = places_of(root)
    components = _components(root, overrides, data_dir, defined or Code(), places)
    base, checked = settings(root.get("base"), components), _overrides(overrides, components)
    showing = parse_showing(root, Showing())
    looks = _looks(root)
    tables_node, stages_node, final_node, search_node = map(root.get, ("tables", "stages", "final", "search"))
    if not (tables_node or stages_node or final_node or search_node):
        raise root.error("declares no tables, stages, search or final configuration; give at least one")
    tables = [parse_table(node, showing, components) for node in tables_node.items()] if tables_node else []
    stages = [parse_stage(node, showing, components) for node in stages_node.items()] if stages_node else []
    finals = parse_finals(final_node, showing, components) if final_node else []
    check_tables(root, [*tables, *stages, *finals])
    if looks and any(table.showing.folds for table in (*tables, *finals)):
        raise root.need("until_decided").error(
            "does not go with folds, whose number is fixed; leave one of the two out"
        )
    refuse_shared_names(((tables_node, tables), (stages_node, stages), (final_node, finals)))
    if stages_node is None and root.get("fresh_seeds") is not None:
        raise root.need("fresh_seeds").error("goes with `stages` only; leave it out")
    seeds = root.whole("seeds", looks[-1] if looks else 1, most=MOST_REPLICATES)
    study = Study(
        name=name,
        title=root.text("title", name),
        reproduces=root.text("reproduces", ""),
        description=root.text("description", ""),
        source=root.file,
        seeds=seeds,
        base=base,
        tables=tuple(tables),
        finals=tuple(finals),
        resources=parse_resources(root.get("resources")),
        stages=tuple(stages),
        fresh_seeds=root.whole("fresh_seeds", seeds, most=MOST_REPLICATES),
        showing=showing,
        overrides=checked,
        fraction=fraction,
        own=components,
        places=places,
        looks=looks,
        metrics=parse_metrics(root, trains=components.trains),
        requirements=parse_requirements(root, trains=components.trains),
        trackers=parse_trackers(root.get("trackers")),
    )
    return study if search_node is None else _with_search(study, search_node)


def _looks(root: YamlNode) -> tuple[int, ...]:
    """The numbers of seeds at which a study decides about further ones; empty for a fixed number."""
    node = root.get("until_decided")
    if node is None or node.value is False:
        return ()
    for key in ("seeds", "stages", "search"):
        if root.get(key) is not None:
            raise node.error(f"does not go with `{key}`; leave one of the two out")
    looks = LOOKS if node.value is True else tuple(child.value for child in node.items())
    rising = all(type(n) is int and 2 <= n <= MOST_REPLICATES for n in looks) and list(looks) == sorted(set(looks))
    if not rising:
        raise node.error(
            f"{shown(list(looks))} are not numbers of seeds that rise from at least 2; give for example {list(LOOKS)}"
        )
    return looks


def _check_given(name: str, overrides: Mapping[str, Any], fraction: float) -> None:
    """Check what does not stand in the document."""
    if not 0 < fraction <= 1:
        raise UserError(f"--fraction {fraction:g}: is not above 0 and at most 1; 0.1 trains a tenth of the epochs")
    problem = name_problem(name)
    if problem:
        raise UserError(f"the name of the study: {problem}")
    _check_overrides(overrides)


def _components(
    root: YamlNode, overrides: Mapping[str, Any], data_dir: Path | None, defined: Code, places: Mapping[str, str]
) -> Components:
    try:
        return read_components(root, overrides, data_dir, defined)
    except UserError as error:
        reference = str(error).partition(": ")[0]
        if reference in places:
            put_in_study(error, places, reference, root.file)
        raise


def _check_overrides(overrides: Mapping[str, Any]) -> None:
    if not isinstance(overrides, Mapping):
        raise UserError(
            f"overrides: {shown(overrides)} is not a mapping from fields to values, such as {{'epochs': 3}}"
        )
    check_document(YamlNode(overrides, "--set", 0))


def _overrides(overrides: Mapping[str, Any], components: Components) -> dict[str, Any]:
    try:
        for name in overrides:
            if name in NOT_SETTABLE:
                raise ConfigError(name, f"cannot be set; {_ADVICE.get(name, NOT_SETTABLE_ADVICE[name])}")
        canonical = {components.canonical(key): value for key, value in overrides.items()}
        return {key: components.check(key, value) for key, value in canonical.items()}
    except ConfigError as error:
        raise UserError(f"--set {error}") from error


def _with_search(study: Study, node: YamlNode) -> Study:
    base = settings(node.get("base"), study.own)
    epochs = study.own.epochs({**study.base, **study.overrides, **base})
    return replace(study, search=parse_search(node, study, base, epochs=epochs))


_ADVICE = {"seed": "--seeds N runs seeds 0 to N-1"}
_KEYS = (
    "title",
    "reproduces",
    "description",
    "seeds",
    "until_decided",
    "base",
    "tables",
    "stages",
    "fresh_seeds",
    "final",
    "search",
    "resources",
    "trackers",
    "datasets",
    "labels",
    "metrics",
    "metric",
    "requirements",
)
