"""From the YAML document of a study to the study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from tune_jobs.errors import ConfigError, UserError, unknown
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.model import (
    FINAL,
    FRESH_PATH,
    MOST_REPLICATES,
    PATH,
    READS,
    SEARCH_TABLES,
    SELECTS,
    SPLITS,
    TRAIN_METRICS,
    Level,
    Showing,
    Study,
    Table,
)
from tune_jobs.study.references import read_components
from tune_jobs.study.resources import Resources, check_resources
from tune_jobs.study.search import Search
from tune_jobs.study.search_parser import parse_search
from tune_jobs.study.yaml_node import Node, plain
from tune_jobs.trial.config import TrialConfig
from tune_jobs.user_code.components import Components
from tune_jobs.user_code.modules import Code

_RESERVED = {
    **dict.fromkeys(SEARCH_TABLES, "the search's own table"),
    FINAL: "the final configuration's own table",
    PATH: "the stages' path",
    FRESH_PATH: "the stages' path",
    "statements": "the report's own table of sentences",
    "conventions": "the report's own table of conventions",
}
# What the report adds to a table's name for further files of it.
_SUFFIXES = ("-test", "-published", *(f"-{name}" for name in FIGURES))
# Not levels of a table: replicates are the same for every level, and the split belongs to the study.
_NOT_FACTORS = ("seed",)
_MOST_CELLS = 10_000
# What stages are compared on must stay the same from one to the next.
_NOT_IN_STAGES = ("dataset", "toy_problem", "outer_split", "split_seed", "validation_rows")


def parse_study(
    root: Node,
    *,
    name: str,
    overrides: Mapping[str, Any],
    fraction: float = 1.0,
    data_dir: Path | None = None,
    defined: Code | None = None,
) -> Study:
    """Return the study in a document; see `tune_jobs.study.load.load_study`.

    Args:
        root: of the document.
        name: of the study.
        overrides: fields of the base, as `--set` gives them.
        fraction: the share of their epochs that rows are read at.
        data_dir: where files of declared datasets are looked for.
        defined: code that is in no file.

    Raises:
        UserError: something in it is not as it must be.
    """
    if not 0 < fraction <= 1:
        raise UserError(f"--fraction {fraction:g}: is not above 0 and at most 1; 0.1 looks at a tenth of the epochs")
    root.only(
        "title",
        "reproduces",
        "description",
        "seeds",
        "base",
        *_SHOWING,
        "tables",
        "stages",
        "fresh_seeds",
        "final",
        "search",
        "resources",
        "datasets",
        "labels",
    )
    own = read_components(root, overrides, data_dir, defined or Code())
    base = _fields(root.get("base"), own)
    try:
        for field_name in overrides:
            if field_name in _NOT_FACTORS:
                raise ConfigError(field_name, "is not set by hand; --seeds N runs seeds 0 to N-1")
        canonical = {own.canonical(key): value for key, value in overrides.items()}
        checked = {key: own.check(key, value) for key, value in canonical.items()}
    except ConfigError as error:
        raise UserError(f"--set {error}") from error
    showing = _showing(root, Showing())
    tables_node, stages_node, final_node = root.get("tables"), root.get("stages"), root.get("final")
    search_node = root.get("search")
    if tables_node is None and stages_node is None and final_node is None and search_node is None:
        raise root.error("declares no tables, stages, search or final configuration; give at least one")
    tables = [_table(node, showing, own) for node in tables_node.items()] if tables_node else []
    stages = [_stage(node, showing, own) for node in stages_node.items()] if stages_node else []
    finals = _finals(final_node, showing, own) if final_node else []
    named: dict[str, Node] = {}
    for nodes, parsed in ((tables_node, tables), (stages_node, stages), (final_node, finals)):
        for index, table in enumerate(parsed):
            place = nodes if nodes is not None and nodes.is_mapping else (nodes or root).items()[index]
            if table.name in named:
                raise place.error(f"the table name {table.name} repeats; give each table, stage and final its own")
            named[table.name] = place
    if stages_node is None and root.get("fresh_seeds") is not None:
        raise root.need("fresh_seeds").error("goes with `stages` only; leave it out")
    seeds = root.whole("seeds", 1, most=MOST_REPLICATES)
    return Study(
        name=name,
        title=root.text("title", name),
        reproduces=root.text("reproduces", ""),
        description=root.text("description", ""),
        source=root.file,
        seeds=seeds,
        base=base,
        tables=tuple(tables),
        finals=tuple(finals),
        resources=_resources(root.get("resources")),
        stages=tuple(stages),
        fresh_seeds=root.whole("fresh_seeds", seeds, most=MOST_REPLICATES),
        showing=showing,
        overrides=checked,
        fraction=fraction,
        own=own,
        search=_search(search_node, {**base, **checked}, showing, own, seeds) if search_node is not None else None,
    )


def _search(node: Node, over: Mapping[str, Any], showing: Showing, own: Components, seeds: int) -> Search:
    base = _fields(node.get("base"), own)
    epochs = {**over, **base}.get("epochs", TrialConfig.epochs)
    return parse_search(node, own, base, epochs=epochs, seeds=seeds, read=showing.read, select=showing.select)


def _fields(node: Node | None, own: Components) -> dict[str, Any]:
    """Return the configuration fields in a mapping, each checked where it stands."""
    if node is None:
        return {}
    values = {}
    for key, child in node.pairs():
        name = _known_field(child, key, own)
        if name in _NOT_FACTORS:
            raise child.error("is not set in a study; `seeds: N` runs seeds 0 to N-1")
        values[name] = _check(child, name, own)
    return values


def _known_field(node: Node, key: str, own: Components) -> str:
    name = own.canonical(key)
    if name not in own.known_names():
        raise node.error(unknown("field", key, own.known_names()))
    return name


def _check(node: Node, name: str, own: Components) -> Any:
    try:
        return own.check(name, plain(node.value))
    except ConfigError as error:
        raise node.error(error.problem, field=name) from error


_SHOWING: Mapping[str, Mapping[str, Any]] = {
    "read": READS,
    "train_metric": TRAIN_METRICS,
    "splits": SPLITS,
    "select": SELECTS,
    "figures": FIGURES,
    "epochs_until": {},
}
_TABLE_ONLY = ("seeds",)


def _showing(node: Node, default: Showing) -> Showing:
    values: dict[str, Any] = {}
    for key in ("read", "train_metric", "splits", "select"):
        child = node.get(key)
        if child is not None:
            values[key] = _known(child, node.text(key, ""), key)
    figures, until = node.get("figures"), node.get("epochs_until")
    if figures is not None:
        values["figures"] = tuple(_known(child, str(child.value), "figures") for child in figures.items())
    if until is not None:
        values["epochs_until"] = dict(_amounts(node, only="epochs_until"))["epochs_until"]
    if node.path:
        values["seeds"] = node.whole("seeds", 1, most=MOST_REPLICATES)
    return replace(default, **values)


def _known(node: Node, value: str, key: str) -> str:
    if value not in _SHOWING[key]:
        raise node.error(unknown(key, value, _SHOWING[key]))
    return value


def _finals(node: Node, showing: Showing, own: Components) -> list[Table]:
    """Return the final configurations: one as a mapping of fields, or a list of named ones."""
    title = "Final configuration"
    if node.is_mapping:
        level = Level((title,), _fields(node, own))
        return [Table(FINAL, title, ("Configuration",), (level,), {}, replace(showing, train_metric="evaluation"))]
    finals = []
    for child in node.items():
        child.only("name", "title", "set", *_SHOWING, *_TABLE_ONLY)
        name = _table_name(child, child.text("name", ""))
        level = Level((title,), _fields(child.need("set"), own))
        shown = _showing(child, replace(showing, train_metric="evaluation"))
        finals.append(Table(name, child.text("title", title), ("Configuration",), (level,), {}, shown))
    return finals


def _stage(node: Node, showing: Showing, own: Components) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base")
    stage = _table(node, showing, own)
    for level, child in zip(stage.levels, node.need("levels").items() if node.get("levels") else (), strict=False):
        if level.read is not None:
            raise child.need("read").error("the levels of a stage are chosen by one reading; set `read` for the study")
    for layer in (stage.base, *(values for level in stage.levels for values in (level.base, level.values))):
        for name in _NOT_IN_STAGES:
            if name in layer:
                raise node.error(f"{name} cannot change between stages, which are compared on the same data")
    return stage


def _table_name(node: Node, name: str) -> str:
    if not name:
        raise node.error("a table without `factor` needs a `name`")
    if name in _RESERVED:
        raise node.error(f"{name} is the name of {_RESERVED[name]}; give another `name`")
    if name.endswith(_SUFFIXES):
        raise node.error(
            f"{name} ends like a further file of a table; give a `name` without {name[name.rindex('-') :]}"
        )
    if not name.replace("_", "").replace("-", "").isalnum():
        raise node.error(f"{name!r} names a file; give a table name of letters, digits, _ and -")
    return name


def _table(node: Node, showing: Showing, own: Components) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base", *_SHOWING, *_TABLE_ONLY)
    base = _fields(node.get("base"), own)
    showing = _showing(node, showing)
    if node.get("cross") is not None:
        for key in ("factor", "levels", "label"):
            child = node.get(key)
            if child is not None:
                raise child.error("goes with a table of one factor, this one has `cross`; give one of the two")
        headings, levels = _crossed(node, own)
        default_name = "_x_".join(key.replace(".", "_") for key, _ in node.need("cross").pairs())
    else:
        if node.get("exclude") is not None:
            raise node.need("exclude").error("goes with `cross` only; leave the level out instead")
        headings, levels = _one_factor(node, own)
        default_name = node.text("factor", "").replace(".", "_")
    name = _table_name(node, node.text("name", default_name))
    title = node.text("title", " × ".join(headings))
    return Table(name, title, headings, levels, base, showing)


def _one_factor(node: Node, own: Components) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factor = node.get("factor")
    name = _factor(factor, node.text("factor", ""), own) if factor is not None else None
    nodes = node.need("levels").items()
    levels = [_level(child, name, own) for child in nodes]
    _no_repeats(node.need("levels"), [level.labels[0] for level in levels], "label")
    settings = [{**level.base, **level.values, **({"read": level.read} if level.read else {})} for level in levels]
    _no_repeats(node.need("levels"), settings, "level")
    heading = node.text("label", own.label(name) if name else "Level")
    return (heading,), tuple(levels)


def _level(node: Node, factor: str | None, own: Components) -> Level:
    if not node.is_mapping:
        if factor is None:
            raise node.error("a plain level needs the table's `factor`; or give {label: …, set: {field: value}}")
        value = _check(node, factor, own)
        return Level((own.describe(factor, value),), {factor: value})
    node.only("label", "value", "set", "base", "read")
    values = _fields(node.get("set"), own)
    if node.get("value") is not None:
        if factor is None:
            raise node.need("value").error("needs the table's `factor`")
        values = {factor: _check(node.need("value"), factor, own), **values}
    if not values:
        raise node.error("a level sets nothing; give `value` or `set: {field: value}`")
    described = ", ".join(own.describe(key, value) for key, value in values.items())
    read = _known(node.need("read"), node.text("read", ""), "read") if node.get("read") is not None else None
    return Level((node.text("label", described),), values, _fields(node.get("base"), own), read)


def _crossed(node: Node, own: Components) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factors: dict[str, list[Any]] = {}
    for key, child in node.need("cross").pairs():
        name = _factor(child, key, own)
        factors[name] = [_check(item, name, own) for item in child.items()]
        _no_repeats(child, factors[name], "level")
    cells = prod(len(values) for values in factors.values())
    if cells > _MOST_CELLS:
        raise node.need("cross").error(f"makes {cells:,} cells, more than {_MOST_CELLS:,}; give fewer levels")
    excluded = []
    exclude = node.get("exclude")
    for item in exclude.items() if exclude else []:
        excluded.append(_fields(item, own))
        for key, child in item.pairs():
            if own.canonical(key) not in factors:
                raise child.error(unknown("crossed factor", key, factors))
            if _check(child, own.canonical(key), own) not in factors[own.canonical(key)]:
                raise child.error(f"{child.value!r} is no level of {key}, so nothing is excluded; give one that is")
    levels = []
    for values in product(*factors.values()):
        cell = dict(zip(factors, values, strict=True))
        if any(all(cell[key] == value for key, value in rule.items()) for rule in excluded):
            continue
        levels.append(Level(tuple(own.describe(key, value) for key, value in cell.items()), cell))
    if not levels:
        raise node.need("exclude").error("excludes every cell of the table; leave some")
    return tuple(own.label(key) for key in factors), tuple(levels)


def _factor(node: Node, key: str, own: Components) -> str:
    name = own.canonical(key)
    if name not in own.known_names() or name in _NOT_FACTORS:
        raise node.error(unknown("field", key, own.known_names() - set(_NOT_FACTORS)))
    return name


def _no_repeats(node: Node | None, values: Sequence[Any], what: str) -> None:
    for position, value in enumerate(values):
        if value in values[:position] and node is not None:
            shown = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else value
            raise node.items()[position].error(f"the {what} {shown} repeats; give each once")


def _resources(node: Node | None) -> Resources:
    if node is None:
        return Resources()
    node.only("cpus_per_trial", "gpus_per_trial", "time_limit_minutes", "checkpoint_minutes")
    values: dict[str, float] = dict(_amounts(node))
    try:
        return check_resources(Resources(**values))
    except ConfigError as error:
        raise node.need(error.field).error(error.problem, field=error.field) from error


def _amounts(node: Node, only: str | None = None) -> Iterator[tuple[str, float]]:
    for key, child in node.pairs():
        if only not in (None, key):
            continue
        if isinstance(child.value, bool) or not isinstance(child.value, int | float):
            raise child.error(f"{child.value!r} is not a number", field=key)
        yield key, float(child.value)
