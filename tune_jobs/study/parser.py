"""From the YAML document of a study to the study: tables, stages, final configurations, and how tables are shown."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from tune_jobs.errors import ConfigError, UserError, shown, unknown
from tune_jobs.study.checked_fields import (
    NOT_SETTABLE,
    NOT_SETTABLE_ADVICE,
    factor_name,
    field_value,
    frozen,
    refuse_repeats,
    settings,
)
from tune_jobs.study.declared_metrics import parse_metrics, parse_requirements
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.limits import LOOKS, MOST_REPLICATES, check_document, check_tables
from tune_jobs.study.model import (
    CLAIMS,
    FINAL,
    READS,
    SELECTS,
    SPLITS,
    TRAIN_METRICS,
    Level,
    Showing,
    Study,
    Table,
)
from tune_jobs.study.names import name_problem, refuse_shared_names, table_name
from tune_jobs.study.places import places_of, put_in_study
from tune_jobs.study.references import read_components
from tune_jobs.study.resources import parse_resources
from tune_jobs.study.search_parser import parse_search
from tune_jobs.study.trackers import parse_trackers
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.trial.config import FIELDS
from tune_jobs.user_code.components import Components
from tune_jobs.user_code.modules import Code

_MOST_CELLS = 10_000
# Stages are compared on the same data.
_NOT_IN_STAGES = tuple(name for name, spec in FIELDS.items() if spec.selects_rows)


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
    root.only(*_KEYS, *_SHOWING)
    places = places_of(root)
    components = _components(root, overrides, data_dir, defined or Code(), places)
    base, checked = settings(root.get("base"), components), _overrides(overrides, components)
    showing = _showing(root, Showing())
    looks = _looks(root)
    tables_node, stages_node, final_node, search_node = map(root.get, ("tables", "stages", "final", "search"))
    if not (tables_node or stages_node or final_node or search_node):
        raise root.error("declares no tables, stages, search or final configuration; give at least one")
    tables = [_table(node, showing, components) for node in tables_node.items()] if tables_node else []
    stages = [_stage(node, showing, components) for node in stages_node.items()] if stages_node else []
    finals = _finals(final_node, showing, components) if final_node else []
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


_SHOWING: Mapping[str, Mapping[str, Any]] = {
    "read": READS,
    "train_metric": TRAIN_METRICS,
    "splits": SPLITS,
    "select": SELECTS,
    "figures": FIGURES,
    "epochs_until": {},
    "claims": CLAIMS,
    "margin": {},
    "collapsed_below": {},
}
_TABLE_ONLY = ("seeds",)


def _showing(node: YamlNode, default: Showing) -> Showing:
    values: dict[str, Any] = {}
    for key in ("read", "train_metric", "select", "claims"):
        child = node.get(key)
        if child is not None:
            values[key] = _known(child, node.text(key, ""), key)
    splits = node.get("splits")
    if splits is not None:
        values |= _splits(splits, node)
    figures, until = node.get("figures"), node.get("epochs_until")
    if figures is not None:
        values["figures"] = tuple(_known(child, str(child.value), "figures") for child in figures.items())
    if until is not None:
        values["epochs_until"] = until.number()
    values |= _judging(node)
    if node.path:
        values["seeds"] = node.whole("seeds", 1, most=MOST_REPLICATES)
    made = replace(default, **values)
    if made.claims is not None and made.splits not in CLAIMS[made.claims]:
        at = node.get("claims") or node.need("splits")
        raise at.error(
            f"claims: {made.claims} does not go with splits: {made.splits}; give "
            f"{' or '.join(name for name, splits in CLAIMS.items() if made.splits in splits)}, or leave it out"
        )
    return made


def _judging(node: YamlNode) -> dict[str, float]:
    """What a table's verdicts are made with, where it is declared."""
    values: dict[str, float] = {}
    for key in ("margin", "collapsed_below"):
        child = node.get(key)
        if child is not None:
            values[key] = child.number()
            if values[key] <= 0:
                raise child.error(f"{shown(child.value)} is not above 0; give a number in the metric's unit", field=key)
    return values


def _splits(node: YamlNode, parent: YamlNode) -> dict[str, Any]:
    """Which part of the data each replicate draws anew: a name, or the folds of a cross-validation."""
    if node.is_mapping:
        node.only("folds")
        node.need("folds")
        return {"splits": "folds", "folds": node.whole("folds", 0, least=2, most=MOST_REPLICATES)}
    name = _known(node, parent.text("splits", ""), "splits")
    if name == "folds":
        raise node.error("needs their number; write splits: {folds: 5}")
    return {"splits": name, "folds": 0}


def _known(node: YamlNode, value: str, key: str) -> str:
    if value not in _SHOWING[key]:
        raise node.error(unknown(key, value, _SHOWING[key]))
    return value


def _finals(node: YamlNode, showing: Showing, components: Components) -> list[Table]:
    """The final configurations: a mapping of fields for a single one, or a list of named ones."""
    title = "Final configuration"
    if node.is_mapping:
        level = Level((title,), settings(node, components))
        return [Table(FINAL, title, ("Configuration",), (level,), {}, replace(showing, train_metric="evaluation"))]
    finals = []
    for child in node.items():
        child.only("name", "title", "set", *_SHOWING, *_TABLE_ONLY)
        name = table_name(child, child.text("name", ""))
        level = Level((title,), settings(child.need("set"), components))
        shown = _showing(child, replace(showing, train_metric="evaluation"))
        finals.append(Table(name, child.text("title", title), ("Configuration",), (level,), {}, shown))
    return finals


def _stage(node: YamlNode, showing: Showing, components: Components) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base")
    stage = _table(node, showing, components)
    for level, child in zip(stage.levels, node.need("levels").items() if node.get("levels") else (), strict=False):
        if level.read is not None:
            raise child.need("read").error(
                "the levels of a stage are compared at the same epoch; set `read` for the study"
            )
    for layer in (stage.base, *(values for level in stage.levels for values in (level.base, level.values))):
        for name in (*_NOT_IN_STAGES, *components.built_in_options):
            if name in layer:
                raise node.error(f"{name} cannot change between stages, which are compared on the same data")
    return stage


def _table(node: YamlNode, showing: Showing, components: Components) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base", *_SHOWING, *_TABLE_ONLY)
    base = settings(node.get("base"), components)
    showing = _showing(node, showing)
    if node.get("cross") is not None:
        for key in ("factor", "levels", "label"):
            child = node.get(key)
            if child is not None:
                raise child.error("is for a table of one factor, and this table has `cross`; give one of the two")
        headings, levels = _crossed(node, components)
        default_name = "_x_".join(key.replace(".", "_") for key, _ in node.need("cross").pairs())
    else:
        if node.get("exclude") is not None:
            raise node.need("exclude").error("is for tables with `cross` only; leave the level out of `levels` instead")
        headings, levels = _one_factor(node, components)
        default_name = node.text("factor", "").replace(".", "_")
    name = table_name(node, node.text("name", default_name))
    title = node.text("title", " × ".join(headings))
    return Table(name, title, headings, levels, base, showing)


def _one_factor(node: YamlNode, components: Components) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factor = node.get("factor")
    name = factor_name(factor, node.text("factor", ""), components) if factor is not None else None
    nodes = node.need("levels").items()
    levels = [_level(child, name, components) for child in nodes]
    refuse_repeats(node.need("levels"), [level.labels[0] for level in levels], "label")
    contents = [{**level.base, **level.values, **({"read": level.read} if level.read else {})} for level in levels]
    refuse_repeats(node.need("levels"), contents, "level")
    heading = node.text("label", components.label(name) if name else "Level")
    return (heading,), tuple(levels)


def _level(node: YamlNode, factor: str | None, components: Components) -> Level:
    if not node.is_mapping:
        if factor is None:
            raise node.error(
                "a plain level needs the table's `factor`; add it, or write {label: …, set: {field: value}}"
            )
        value = field_value(node, factor, components)
        return Level((components.describe(factor, value),), {factor: value})
    node.only("label", "value", "set", "base", "read")
    values = settings(node.get("set"), components)
    if node.get("value") is not None:
        if factor is None:
            raise node.need("value").error("needs the table's `factor`; add it, or write `set: {field: value}`")
        values = {factor: field_value(node.need("value"), factor, components), **values}
    if not values:
        raise node.error("a level sets nothing; give `value` or `set: {field: value}`")
    described = ", ".join(components.describe(key, value) for key, value in values.items())
    read = _known(node.need("read"), node.text("read", ""), "read") if node.get("read") is not None else None
    return Level((node.text("label", described),), values, settings(node.get("base"), components), read)


def _crossed(node: YamlNode, components: Components) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factors: dict[str, list[Any]] = {}
    for key, child in node.need("cross").pairs():
        name = factor_name(child, key, components)
        factors[name] = [field_value(item, name, components) for item in child.items()]
        refuse_repeats(child, factors[name], "level")
    cells = prod(len(values) for values in factors.values())
    if cells > _MOST_CELLS:
        raise node.need("cross").error(f"makes {cells:,} cells, more than {_MOST_CELLS:,}; give fewer levels")
    exclude = node.get("exclude")
    excluded = _excluded_cells(exclude, factors, components) if exclude else {}
    levels = []
    for values in product(*factors.values()):
        cell = dict(zip(factors, values, strict=True))
        if any(frozen([cell[key] for key in keys]) in cells for keys, cells in excluded.items()):
            continue
        levels.append(Level(tuple(components.describe(key, value) for key, value in cell.items()), cell))
    if not levels:
        raise node.need("exclude").error("excludes every cell of the table; leave at least one")
    return tuple(components.label(key) for key in factors), tuple(levels)


def _excluded_cells(
    node: YamlNode, factors: Mapping[str, Sequence[Any]], components: Components
) -> dict[tuple[str, ...], set[Hashable]]:
    """The combinations of levels that are excluded, by the factors that they combine."""
    levels = {name: set(map(frozen, values)) for name, values in factors.items()}
    found: dict[tuple[str, ...], set[Hashable]] = {}
    for item in node.items():
        rule = _excluded(item, levels, components)
        found.setdefault(tuple(rule), set()).add(frozen(list(rule.values())))
    return found


def _excluded(node: YamlNode, factors: Mapping[str, Collection[Hashable]], components: Components) -> dict[str, Any]:
    """The levels that a cell must have to be excluded."""
    rule = settings(node, components)
    for key, child in node.pairs():
        name = components.canonical(key)
        if name not in factors:
            raise child.error(unknown("crossed factor", key, factors))
        if frozen(rule[name]) not in factors[name]:
            raise child.error(
                f"{shown(child.value)} is not a level of {key}, so nothing is excluded; give one of its levels"
            )
    return rule
