"""A study: one YAML file that declares a base configuration, tables of levels, and a final configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from tune_jobs.config import FIELDS, TrialConfig
from tune_jobs.errors import ConfigError, UserError, unknown
from tune_jobs.study_file import Node, read_yaml

READS = {"last": "the last epoch", "best": "the epoch with the best validation metric"}
TRAIN_METRICS = {"evaluation": "measured after the epoch", "running": "the running mean of the epoch"}
# The table that shows the final configuration.
FINAL = "final"
# Not levels of a table: replicates are the same for every level, and the split belongs to the study.
_NOT_FACTORS = ("seed",)


@dataclass(frozen=True)
class Level:
    """One row of a table: a label for each factor, and the fields that it sets.

    `base` are fields of the row's own base; `values` are the factors' own.
    """

    labels: tuple[str, ...]
    values: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A factor, or several crossed, and the levels whose trials make up the rows.

    Attributes:
        headings: what stands above the columns of the levels, one for each factor.
        base: what the table overrides of the study's base.
        read: "last" or "best": the epoch that the table shows.
        train_metric: "evaluation" or "running".
    """

    name: str
    title: str
    headings: tuple[str, ...]
    levels: tuple[Level, ...]
    base: Mapping[str, Any]
    read: str
    train_metric: str

    @property
    def crossed(self) -> bool:
        """Whether several factors are crossed."""
        return len(self.headings) > 1


@dataclass(frozen=True)
class Resources:
    """What one trial is given, and how long it may take (None: as long as it needs)."""

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    time_limit_minutes: float | None = None


@dataclass(frozen=True)
class Study:
    """A validated study.

    Attributes:
        read: the epoch that rows show unless their table says otherwise.
        overrides: what `--set` changed of the base.
    """

    name: str
    title: str
    reproduces: str
    description: str
    source: str
    seeds: int
    base: Mapping[str, Any]
    tables: tuple[Table, ...]
    final: Mapping[str, Any] | None
    resources: Resources
    read: str = "last"
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def config(self, *layers: Mapping[str, Any]) -> TrialConfig:
        """Return the configuration of the base with layers over it, later ones winning.

        What `--set` overrides of the base gives way to a layer that sets the field itself.
        """
        merged: dict[str, Any] = {}
        for layer in (self.base, self.overrides, *layers):
            merged.update(layer)
        return TrialConfig(**merged)


def shipped_studies() -> dict[str, Path]:
    """Return name to file of the studies that come with the project."""
    folder = Path(str(files("tune_jobs.studies")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_study(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Study:
    """Read and check a shipped study by its name, or any study by its file.

    Raises:
        UserError: there is no such study, or something in it is not as it must be; the message names the
            file, the line and the rule.
    """
    shipped = shipped_studies()
    if name_or_path in shipped:
        path = shipped[name_or_path]
    elif name_or_path.endswith((".yaml", ".yml")) or Path(name_or_path).is_file():
        path = Path(name_or_path)
    else:
        raise UserError(f"{unknown('study', name_or_path, shipped)}; or give the path of a study file (.yaml)")
    return parse_study(read_yaml(path), name=path.stem, overrides=overrides or {})


def parse_study(root: Node, *, name: str, overrides: Mapping[str, Any]) -> Study:
    """Return the study in a YAML document; see `load_study`."""
    root.only(
        "title",
        "reproduces",
        "description",
        "seeds",
        "base",
        "read",
        "train_metric",
        "tables",
        "final",
        "resources",
    )
    base = _fields(root.get("base"))
    try:
        for field_name in overrides:
            if field_name not in FIELDS:
                raise ConfigError(field_name, unknown("field", field_name, FIELDS))
            if field_name in _NOT_FACTORS:
                raise ConfigError(field_name, "is not set by hand; --seeds N runs seeds 0 to N-1")
        checked = {key: FIELDS[key].check(key, value) for key, value in overrides.items()}
    except ConfigError as error:
        raise UserError(f"--set {error}") from error
    read, train_metric = _reading(root, "last", "evaluation")
    tables_node = root.get("tables")
    if tables_node is None and root.get("final") is None:
        raise root.error("declares neither tables nor a final configuration; give at least one")
    tables = [_table(node, read, train_metric) for node in tables_node.items()] if tables_node else []
    _no_repeats(tables_node, [table.name for table in tables], "table name")
    final = root.get("final")
    return Study(
        name=name,
        title=root.text("title", name),
        reproduces=root.text("reproduces", ""),
        description=root.text("description", ""),
        source=root.file,
        seeds=_whole(root, "seeds", 1),
        base=base,
        tables=tuple(tables),
        final=_fields(final) if final else None,
        resources=_resources(root.get("resources")),
        read=read,
        overrides=checked,
    )


def _fields(node: Node | None) -> dict[str, Any]:
    """Return the configuration fields in a mapping, each checked where it stands."""
    if node is None:
        return {}
    values = {}
    for key, child in node.pairs():
        if key not in FIELDS:
            raise child.error(unknown("field", key, FIELDS))
        if key in _NOT_FACTORS:
            raise child.error("is not set in a study; `seeds: N` runs seeds 0 to N-1")
        values[key] = _check(child, key)
    return values


def _check(node: Node, name: str) -> Any:
    try:
        return FIELDS[name].check(name, node.value)
    except ConfigError as error:
        raise node.error(error.problem, field=name) from error


def _reading(node: Node, read: str, train_metric: str) -> tuple[str, str]:
    chosen = node.text("read", read), node.text("train_metric", train_metric)
    for key, value, known in zip(("read", "train_metric"), chosen, (READS, TRAIN_METRICS), strict=True):
        child = node.get(key)
        if child is not None and value not in known:
            raise child.error(unknown(key, value, known))
    return chosen


def _table(node: Node, read: str, train_metric: str) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base", "read", "train_metric")
    base = _fields(node.get("base"))
    read, train_metric = _reading(node, read, train_metric)
    if node.get("cross") is not None:
        for key in ("factor", "levels", "label"):
            child = node.get(key)
            if child is not None:
                raise child.error("goes with a table of one factor, this one has `cross`; give one of the two")
        headings, levels = _crossed(node)
        default_name = "_x_".join(key for key, _ in node.need("cross").pairs())
    else:
        if node.get("exclude") is not None:
            raise node.need("exclude").error("goes with `cross` only; leave the level out instead")
        headings, levels = _one_factor(node)
        default_name = node.text("factor", "")
    name = node.text("name", default_name)
    if not name:
        raise node.error("a table without `factor` needs a `name`")
    if name == FINAL:
        raise node.error(f"{FINAL} is the name of the final configuration's own table; give another `name`")
    if not name.replace("_", "").replace("-", "").isalnum():
        raise node.error(f"{name!r} names a file; give a table name of letters, digits, _ and -")
    title = node.text("title", " × ".join(headings))
    return Table(name, title, headings, levels, base, read, train_metric)


def _one_factor(node: Node) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factor = node.get("factor")
    name = node.text("factor", "") or None
    if factor is not None and (name not in FIELDS or name in _NOT_FACTORS):
        raise factor.error(unknown("field", name, set(FIELDS) - set(_NOT_FACTORS)))
    nodes = node.need("levels").items()
    levels = [_level(child, name) for child in nodes]
    _no_repeats(node.need("levels"), [level.labels[0] for level in levels], "label")
    _no_repeats(node.need("levels"), [{**level.base, **level.values} for level in levels], "level")
    heading = node.text("label", FIELDS[name].label if name else "Level")
    return (heading,), tuple(levels)


def _level(node: Node, factor: str | None) -> Level:
    if not node.is_mapping:
        if factor is None:
            raise node.error("a plain level needs the table's `factor`; or give {label: …, set: {field: value}}")
        value = _check(node, factor)
        return Level((FIELDS[factor].describe(value),), {factor: value})
    node.only("label", "value", "set", "base")
    values = _fields(node.get("set"))
    if node.get("value") is not None:
        if factor is None:
            raise node.need("value").error("needs the table's `factor`")
        values = {factor: _check(node.need("value"), factor), **values}
    if not values:
        raise node.error("a level sets nothing; give `value` or `set: {field: value}`")
    described = ", ".join(FIELDS[key].describe(value) for key, value in values.items())
    return Level((node.text("label", described),), values, _fields(node.get("base")))


def _crossed(node: Node) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factors: dict[str, list[Any]] = {}
    for key, child in node.need("cross").pairs():
        if key not in FIELDS or key in _NOT_FACTORS:
            raise child.error(unknown("field", key, set(FIELDS) - set(_NOT_FACTORS)))
        factors[key] = [_check(item, key) for item in child.items()]
        _no_repeats(child, factors[key], "level")
    excluded = []
    exclude = node.get("exclude")
    for item in exclude.items() if exclude else []:
        excluded.append(_fields(item))
        for key, child in item.pairs():
            if key not in factors:
                raise child.error(unknown("crossed factor", key, factors))
    levels = []
    for values in product(*factors.values()):
        cell = dict(zip(factors, values, strict=True))
        if any(all(cell[key] == value for key, value in rule.items()) for rule in excluded):
            continue
        levels.append(Level(tuple(FIELDS[key].describe(value) for key, value in cell.items()), cell))
    if not levels:
        raise node.need("exclude").error("excludes every cell of the table; leave some")
    return tuple(FIELDS[key].label for key in factors), tuple(levels)


def _no_repeats(node: Node | None, values: Sequence[Any], what: str) -> None:
    for position, value in enumerate(values):
        if value in values[:position] and node is not None:
            shown = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else value
            raise node.items()[position].error(f"the {what} {shown} repeats; give each once")


def _whole(node: Node, key: str, default: int) -> int:
    child = node.get(key)
    if child is None:
        return default
    if isinstance(child.value, bool) or not isinstance(child.value, int) or child.value < 1:
        raise child.error(f"{child.value!r} is not a whole number of at least 1", field=key)
    return child.value


def _resources(node: Node | None) -> Resources:
    if node is None:
        return Resources()
    node.only("cpus_per_trial", "gpus_per_trial", "time_limit_minutes")
    values: dict[str, float] = dict(_amounts(node))
    try:
        return check_resources(Resources(**values))
    except ConfigError as error:
        raise node.need(error.field).error(error.problem, field=error.field) from error


def _amounts(node: Node) -> Iterator[tuple[str, float]]:
    for key, child in node.pairs():
        if isinstance(child.value, bool) or not isinstance(child.value, int | float):
            raise child.error(f"{child.value!r} is not a number", field=key)
        yield key, float(child.value)


def check_resources(resources: Resources) -> Resources:
    """Return the resources if a trial can be given them.

    Raises:
        ConfigError: no CPU, a negative or fractional number of several GPUs, or no time.
    """
    cpus, gpus, limit = resources.cpus_per_trial, resources.gpus_per_trial, resources.time_limit_minutes
    if not cpus > 0:
        raise ConfigError("cpus_per_trial", f"{cpus:g} is not above 0; every trial needs some CPU")
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ConfigError("gpus_per_trial", f"{gpus:g} is neither between 0 and 1 nor a whole number")
    if limit is not None and not limit > 0:
        raise ConfigError("time_limit_minutes", f"{limit:g} is not above 0 minutes")
    return resources


def requested_resources(declared: Resources, **requested: float | None) -> Resources:
    """Return the study's resources with what the command line asks for over them.

    Raises:
        UserError: a trial cannot be given them.
    """
    values = {name: value for name, value in requested.items() if value is not None}
    try:
        return check_resources(replace(declared, **values))
    except ConfigError as error:
        flag = {"time_limit_minutes": "time-limit"}.get(error.field, error.field.replace("_", "-"))
        raise UserError(f"--{flag}: {error.problem}") from error
