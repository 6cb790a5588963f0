"""A study: one YAML file that declares a base configuration, tables of levels, stages, and final configurations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from tune_jobs.config import FIELDS, TrialConfig
from tune_jobs.errors import ConfigError, UserError, unknown
from tune_jobs.study_file import Node, read_yaml

READS = {"last": "the last epoch", "best": "the epoch with the best validation metric"}
TRAIN_METRICS = {"evaluation": "measured after the epoch", "running": "the running mean of the epoch"}
# What a replicate moves beside its seed: the fields that become its own number.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    "validation": ("split_seed",),
    "outer": ("outer_split", "split_seed"),
}
FIGURES = {
    "curves": "the validation metric and the train loss over the epochs",
    "losses": "the train and the validation loss over the epochs",
    "decision_boundary": "what is predicted where, for two-dimensional inputs",
    "calibration": "how often predicted intervals hold what they should",
    "uncertainty": "predicted standard deviations against each input",
}
# How far the grid of decisions reaches, in standard deviations of the inputs; see `models.engine.grid_points`.
GRID_REACH = 2.5
SELECTS = {"metric": "validation_metric", "loss": "validation_loss"}
# The table of a final configuration that has no name of its own.
FINAL = "final"
# The steps that the stages of a study took: with the seeds that chose them, and estimated again with fresh ones.
PATH, FRESH_PATH = "path", "path_fresh"
_RESERVED = {
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
MOST_REPLICATES = 10_000
_MOST_CELLS = 10_000
# What stages are compared on must stay the same from one to the next.
_NOT_IN_STAGES = ("dataset", "toy_problem", "outer_split", "split_seed", "validation_rows")


@dataclass(frozen=True)
class Level:
    """One row of a table: a label for each factor, and the fields that it sets.

    `base` are fields of the row's own base; `values` are the factors' own. `read` is the epoch that the row
    shows where that is not its table's.
    """

    labels: tuple[str, ...]
    values: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    read: str | None = None


@dataclass(frozen=True)
class Showing:
    """How a table reads its trials and what it shows of them.

    Attributes:
        read: "last" or "best": the epoch that the table shows.
        train_metric: "evaluation" or "running".
        splits: one of `SPLITS`: what each replicate moves beside its seed.
        figures: names in `FIGURES`.
        epochs_until: the validation metric whose first epoch is a column; None for no such column.
        select: "metric" or "loss": what a configuration is chosen by.
        seeds: the table's own number of replicates, where it has more than the rest of the study.
    """

    read: str = "last"
    train_metric: str = "evaluation"
    splits: str = "fixed"
    figures: tuple[str, ...] = ("curves",)
    epochs_until: float | None = None
    select: str = "metric"
    seeds: int = 1


@dataclass(frozen=True)
class Table:
    """A factor, or several crossed, and the levels whose trials make up the rows.

    Attributes:
        headings: what stands above the columns of the levels, one for each factor.
        base: what the table overrides of the study's base.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    levels: tuple[Level, ...]
    base: Mapping[str, Any]
    showing: Showing = Showing()

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
        stages: tables of which each starts from the best of the one before.
        fresh_seeds: replicates, with seeds that chose nothing, that estimate what the stages gained.
        finals: the configurations that the study settles on, each a table of one level.
        showing: how tables read their trials unless they say otherwise.
        overrides: what `--set` changed of the base.
        fraction: the share of their epochs that rows are read at: 1, or less for a quick look.
    """

    name: str
    title: str
    reproduces: str
    description: str
    source: str
    seeds: int
    base: Mapping[str, Any]
    tables: tuple[Table, ...]
    finals: tuple[Table, ...]
    resources: Resources
    stages: tuple[Table, ...] = ()
    fresh_seeds: int = 1
    showing: Showing = Showing()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    fraction: float = 1.0

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


def load_study(name_or_path: str, overrides: Mapping[str, Any] | None = None, fraction: float = 1.0) -> Study:
    """Read and check a shipped study by its name, or any study by its file.

    Args:
        name_or_path: of the study.
        overrides: fields of the base, as `--set` gives them.
        fraction: the share of their epochs that rows are read at.

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
    if not 0 < fraction <= 1:
        raise UserError(f"--fraction {fraction:g}: is not above 0 and at most 1; 0.1 looks at a tenth of the epochs")
    return parse_study(read_yaml(path), name=path.stem, overrides=overrides or {}, fraction=fraction)


def parse_study(root: Node, *, name: str, overrides: Mapping[str, Any], fraction: float = 1.0) -> Study:
    """Return the study in a YAML document; see `load_study`."""
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
    showing = _showing(root, Showing())
    tables_node, stages_node, final_node = root.get("tables"), root.get("stages"), root.get("final")
    if tables_node is None and stages_node is None and final_node is None:
        raise root.error("declares neither tables nor stages nor a final configuration; give at least one")
    tables = [_table(node, showing) for node in tables_node.items()] if tables_node else []
    stages = [_stage(node, showing) for node in stages_node.items()] if stages_node else []
    finals = _finals(final_node, showing) if final_node else []
    named: dict[str, Node] = {}
    for nodes, parsed in ((tables_node, tables), (stages_node, stages), (final_node, finals)):
        for index, table in enumerate(parsed):
            place = nodes if nodes is not None and nodes.is_mapping else (nodes or root).items()[index]
            if table.name in named:
                raise place.error(f"the table name {table.name} repeats; give each table, stage and final its own")
            named[table.name] = place
    if stages_node is None and root.get("fresh_seeds") is not None:
        raise root.need("fresh_seeds").error("goes with `stages` only; leave it out")
    seeds = _whole(root, "seeds", 1)
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
        fresh_seeds=_whole(root, "fresh_seeds", seeds),
        showing=showing,
        overrides=checked,
        fraction=fraction,
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
        values["seeds"] = _whole(node, "seeds", 1)
    return replace(default, **values)


def _known(node: Node, value: str, key: str) -> str:
    if value not in _SHOWING[key]:
        raise node.error(unknown(key, value, _SHOWING[key]))
    return value


def _finals(node: Node, showing: Showing) -> list[Table]:
    """Return the final configurations: one as a mapping of fields, or a list of named ones."""
    title = "Final configuration"
    if node.is_mapping:
        level = Level((title,), _fields(node))
        return [Table(FINAL, title, ("Configuration",), (level,), {}, replace(showing, train_metric="evaluation"))]
    finals = []
    for child in node.items():
        child.only("name", "title", "set", *_SHOWING, *_TABLE_ONLY)
        name = _table_name(child, child.text("name", ""))
        level = Level((title,), _fields(child.need("set")))
        own = _showing(child, replace(showing, train_metric="evaluation"))
        finals.append(Table(name, child.text("title", title), ("Configuration",), (level,), {}, own))
    return finals


def _stage(node: Node, showing: Showing) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base")
    stage = _table(node, showing)
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


def _table(node: Node, showing: Showing) -> Table:
    node.only("name", "title", "label", "factor", "levels", "cross", "exclude", "base", *_SHOWING, *_TABLE_ONLY)
    base = _fields(node.get("base"))
    showing = _showing(node, showing)
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
    name = _table_name(node, node.text("name", default_name))
    title = node.text("title", " × ".join(headings))
    return Table(name, title, headings, levels, base, showing)


def _one_factor(node: Node) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factor = node.get("factor")
    name = node.text("factor", "") or None
    if factor is not None and (name not in FIELDS or name in _NOT_FACTORS):
        raise factor.error(unknown("field", name, set(FIELDS) - set(_NOT_FACTORS)))
    nodes = node.need("levels").items()
    levels = [_level(child, name) for child in nodes]
    _no_repeats(node.need("levels"), [level.labels[0] for level in levels], "label")
    settings = [{**level.base, **level.values, **({"read": level.read} if level.read else {})} for level in levels]
    _no_repeats(node.need("levels"), settings, "level")
    heading = node.text("label", FIELDS[name].label if name else "Level")
    return (heading,), tuple(levels)


def _level(node: Node, factor: str | None) -> Level:
    if not node.is_mapping:
        if factor is None:
            raise node.error("a plain level needs the table's `factor`; or give {label: …, set: {field: value}}")
        value = _check(node, factor)
        return Level((FIELDS[factor].describe(value),), {factor: value})
    node.only("label", "value", "set", "base", "read")
    values = _fields(node.get("set"))
    if node.get("value") is not None:
        if factor is None:
            raise node.need("value").error("needs the table's `factor`")
        values = {factor: _check(node.need("value"), factor), **values}
    if not values:
        raise node.error("a level sets nothing; give `value` or `set: {field: value}`")
    described = ", ".join(FIELDS[key].describe(value) for key, value in values.items())
    read = _known(node.need("read"), node.text("read", ""), "read") if node.get("read") is not None else None
    return Level((node.text("label", described),), values, _fields(node.get("base")), read)


def _crossed(node: Node) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    factors: dict[str, list[Any]] = {}
    for key, child in node.need("cross").pairs():
        if key not in FIELDS or key in _NOT_FACTORS:
            raise child.error(unknown("field", key, set(FIELDS) - set(_NOT_FACTORS)))
        factors[key] = [_check(item, key) for item in child.items()]
        _no_repeats(child, factors[key], "level")
    cells = prod(len(values) for values in factors.values())
    if cells > _MOST_CELLS:
        raise node.need("cross").error(f"makes {cells:,} cells, more than {_MOST_CELLS:,}; give fewer levels")
    excluded = []
    exclude = node.get("exclude")
    for item in exclude.items() if exclude else []:
        excluded.append(_fields(item))
        for key, child in item.pairs():
            if key not in factors:
                raise child.error(unknown("crossed factor", key, factors))
            if _check(child, key) not in factors[key]:
                raise child.error(
                    f"{child.value!r} is no level of {key}, so that nothing is excluded; give one of them"
                )
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
    if isinstance(child.value, bool) or not isinstance(child.value, int) or not 1 <= child.value <= MOST_REPLICATES:
        raise child.error(
            f"{child.value!r} is not a whole number of at least 1 and at most {MOST_REPLICATES}", field=key
        )
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


def _amounts(node: Node, only: str | None = None) -> Iterator[tuple[str, float]]:
    for key, child in node.pairs():
        if only not in (None, key):
            continue
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
