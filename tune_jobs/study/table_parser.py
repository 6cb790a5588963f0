"""From the YAML document of a study to its tables, stages and final configurations."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

from tune_jobs.errors import shown, unknown
from tune_jobs.study.checked_fields import factor_name, field_value, frozen, refuse_repeats, settings
from tune_jobs.study.model import FINAL, Level, Showing, Table
from tune_jobs.study.names import table_name
from tune_jobs.study.showing_parser import SHOWING_KEYS, known_name, parse_showing
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.trial.config import FIELDS
from tune_jobs.user_code.components import Components

_MOST_CELLS = 10_000
# Stages are compared on the same data.
_NOT_IN_STAGES = tuple(name for name, spec in FIELDS.items() if spec.selects_rows)
_TABLE_ONLY = ("seeds",)


def parse_finals(node: YamlNode, showing: Showing, components: Components) -> list[Table]:
    """The final configurations: a mapping of fields for a single one, or a list of named ones."""
    title = "Final configuration"
    if node.is_mapping:
        level = Level((title,), settings(node, components))
        return [Table(FINAL, title, ("Configuration",), (level,), {}, replace(showing, train_metric="evaluation"))]
    finals = []
    for child in node.items():
        child.only("name", "title", "set", *SHOWING_KEYS, *_TABLE_ONLY)
        name = table_name(child, child.text("name", ""))
        level = Level((title,), settings(child.need("set"), components))
        shown = parse_showing(child, replace(showing, train_metric="evaluation"))
        finals.append(Table(name, child.text("title", title), ("Configuration",), (level,), {}, shown))
    return finals


def parse_stage(node: YamlNode, showing: Showing, components: Components) -> Table:
    """A stage: a table whose levels can be compared with each other and with those of other stages."""
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base")
    stage = parse_table(node, showing, components)
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


def parse_table(node: YamlNode, showing: Showing, components: Components) -> Table:
    """A table: of one factor, or of several that are crossed."""
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base", *SHOWING_KEYS, *_TABLE_ONLY)
    base = settings(node.get("base"), components)
    showing = parse_showing(node, showing)
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
    read = known_name(node.need("read"), node.text("read", ""), "read") if node.get("read") is not None else None
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
