"""What a report printed: its numbers and sentences, each located by table and level of the study that reruns it.

For a shipped study they are in `analysis/published/reports/`; for a user's study in `NAME.published.yaml` next to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from analysis.published.claims import Check, Levels, Statement, parse_statement
from tune_jobs.errors import ConfigError, unknown
from tune_jobs.study.load import shipped_studies
from tune_jobs.study.model import FRESH_PATH, PATH, Level, Study, Table
from tune_jobs.study.rows import Row, expand, path_labels
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.study.yaml_reader import read_yaml
from tune_jobs.trial.config import FIELDS
from tune_jobs.trial.key import trajectory

# What a report can print: columns of the trials frame and of the tests frame.
PRINTED: Mapping[str, str] = {
    "train_metric": "train metric",
    "validation_metric": "validation metric",
    "train_loss": "train loss",
    "validation_loss": "validation loss",
    "train_seconds": "train time",
    "test_metric": "test metric",
    "test_loss": "test loss",
}
TESTED = ("test_metric", "test_loss")
# The metric that chooses the best epoch, and what is computed from it.
_CHOSEN_BY = ("validation_metric", "metric_gap")


@dataclass(frozen=True)
class PublishedValue:
    """A number that was printed.

    Attributes:
        level: the row's labels, joined with ", ".
        quantity: one of `PRINTED`.
        value: in the unit of the quantity: % or the target's unit, seconds, units of the loss.
        decimals: as printed.
        because: why ours may differ, as far as is known.
        quote: the sentence that prints it, where no table does.
    """

    table: str
    level: str
    quantity: str
    value: float
    decimals: int
    because: str = ""
    quote: str = ""

    @property
    def tolerance(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.decimals


@dataclass(frozen=True)
class Convention:
    """A way to write the same loss: ours plus a shift. `because` says where the shift comes from."""

    name: str
    shift: float
    because: str = ""


@dataclass(frozen=True)
class Published:
    """A report's numbers and sentences.

    Attributes:
        source: the report.
        file: the YAML file.
        conventions: those in which the losses of `objective` may have been printed; empty where there is no doubt.
    """

    source: str
    file: str
    values: tuple[PublishedValue, ...]
    statements: tuple[Statement, ...] = ()
    objective: str = ""
    conventions: tuple[Convention, ...] = ()


def published_file(study: Study) -> Path | None:
    """The file with what a study's report printed; None where there is none."""
    source = Path(study.source)
    if study.name in (shipped := shipped_studies()) and source.resolve() == shipped[study.name].resolve():
        path = Path(str(files("analysis") / "published" / "reports" / f"{study.name}.yaml"))
    else:
        path = source.with_name(f"{source.stem}.published.yaml")
    return path if path.is_file() else None


def load_published(study: Study) -> Published | None:
    """Read and check what a study's report printed; None where there is no such file.

    Raises:
        UserError: the file breaks a rule, or names something that the study does not have; the message has the file,
            the line and the rule.
    """
    path = published_file(study)
    return parse_published(read_yaml(path), study) if path is not None else None


def parse_published(root: YamlNode, study: Study) -> Published:
    """Read the published numbers and sentences from a YAML document; see `load_published`."""
    root.only("source", "tables", "values", "losses", "statements")
    levels = study_levels(study)
    tables, values, losses, statements = map(root.get, ("tables", "values", "losses", "statements"))
    if losses is not None:
        losses.only("objective", "conventions")
    if tables is None and values is None and statements is None:
        raise root.error("has no tables, values or statements; give at least one of them")
    sealed = set(levels) - {final.name for final in study.finals}
    found: dict[tuple[str, str, str], PublishedValue] = {}
    for value, node in [*_tables(tables, levels), *_values(values, levels)]:
        address = (value.table, value.level, value.quantity)
        if value.quantity in TESTED and value.table in sealed:
            raise node.error(f"{value.quantity}: only final configurations have test results, {value.table} is none")
        if address in found:
            raise node.error(f"{', '.join(address)} is given twice; give each value once")
        found[address] = value
    rows = {(row.table, ", ".join(row.labels)): row for row in expand(study)} if statements else {}
    targets = {table.name for table in (*study.tables, *study.finals) if table.showing.epochs_until is not None}
    return Published(
        source=root.text("source", study.reproduces),
        file=root.file,
        values=tuple(found.values()),
        statements=tuple(_statement(node, levels, targets, rows) for node in statements.items()) if statements else (),
        objective=_objective(losses.need("objective")) if losses else "",
        conventions=tuple(_convention(node) for node in losses.need("conventions").items()) if losses else (),
    )


def study_levels(study: Study) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The labels of each level, by table, including stages, their path and final configurations."""
    declared: dict[str, tuple[Level, ...]] = {
        table.name: table.levels for table in (*study.tables, *study.stages, *study.finals) if isinstance(table, Table)
    }
    levels = {name: tuple(level.labels for level in table) for name, table in declared.items()}
    path = tuple((label,) for label in path_labels(study))
    return levels | ({PATH: path, FRESH_PATH: path} if path else {})


def _tables(node: YamlNode | None, levels: Mapping[str, Any]) -> Iterator[tuple[PublishedValue, YamlNode]]:
    for table in node.items() if node else []:
        table.only("table", "columns", "rows", "because")
        name = known_table(table.need("table"), levels)
        columns = [(_quantity(child, key), _decimals(child)) for key, child in table.need("columns").pairs()]
        for level, row in table.need("rows").pairs():
            known_level(row, name, level, levels)
            numbers = row
            if row.is_mapping:
                row.only("values", "because")
                numbers = row.need("values")
            cells = numbers.items()
            if len(cells) != len(columns):
                names = ", ".join(quantity for quantity, _ in columns)
                raise numbers.error(f"has {len(cells)} values for {len(columns)} columns ({names}); give one for each")
            why = (_because(table), _because(row) if row.is_mapping else "")
            for (quantity, decimals), cell in zip(columns, cells, strict=True):
                yield _cell(PublishedValue(name, level, quantity, 0.0, decimals), cell, *why), cell


def _statement(node: YamlNode, levels: Levels, targets: set[str], rows: Mapping[tuple[str, str], Row]) -> Statement:
    statement = parse_statement(node, levels, targets)
    for check, child in zip(statement.checks, node.need("tests").items() if statement.checks else (), strict=True):
        if check.quantity in _CHOSEN_BY and (pair := _best_and_last(check, levels, rows)):
            raise child.error(
                f"{pair[0]} is read at the best epoch and {pair[1]} at the last epoch of the same trajectory: the best "
                f"epoch is chosen by the {PRINTED['validation_metric']} and better by that choice alone; compare "
                "levels that are read at the last epoch"
            )
    return statement


def _best_and_last(check: Check, levels: Levels, rows: Mapping[tuple[str, str], Row]) -> tuple[str, str] | None:
    """Find two levels of a test that read the best and the last epoch of the same trajectory."""
    readings = [
        (level, row.read, row.moves, trajectory(row.config))
        for place in check.places
        for level in place.cells(levels[place.table]).values()
        if (row := rows.get((place.table, level))) and row.config
    ]
    for level, read, *trained in readings:
        for other, other_read, *other_trained in readings:
            if (read, other_read) == ("best", "last") and trained == other_trained:
                return level, other
    return None


def _cell(empty: PublishedValue, cell: YamlNode, *because: str) -> PublishedValue:
    reasons = [*because]
    if cell.is_mapping:
        cell.only("value", "because")
        reasons.append(_because(cell))
    value = _number(cell.need("value") if cell.is_mapping else cell, empty.decimals)
    return replace(empty, value=value, because="; ".join(dict.fromkeys(filter(None, reasons))))


def _values(node: YamlNode | None, levels: Mapping[str, Any]) -> Iterator[tuple[PublishedValue, YamlNode]]:
    for child in node.items() if node else []:
        child.only("table", "level", "quantity", "value", "decimals", "quote", "because")
        table = known_table(child.need("table"), levels)
        level = str(child.need("level").value)
        known_level(child.need("level"), table, level, levels)
        quantity, decimals = child.need("quantity"), _decimals(child.need("decimals"))
        value = _number(child.need("value"), decimals)
        name = _quantity(quantity, str(quantity.value))
        yield PublishedValue(table, level, name, value, decimals, _because(child), child.text("quote", "")), child


def _objective(node: YamlNode) -> str:
    try:
        return str(FIELDS["objective"].check("objective", node.value))
    except ConfigError as error:
        raise node.error(error.problem) from error


def _convention(node: YamlNode) -> Convention:
    node.only("name", "shift", "because")
    return Convention(str(node.need("name").value), _number(node.need("shift")), _because(node))


def known_table(node: YamlNode, levels: Mapping[str, Any]) -> str:
    """The table that a node names, which the study must have."""
    if node.value not in levels:
        raise node.error(unknown("table", node.value, levels))
    return str(node.value)


def known_level(node: YamlNode, table: str, level: str, levels: Mapping[str, Any]) -> None:
    """Raise unless the study's table has the level."""
    names = [", ".join(labels) for labels in levels[table]]
    if level not in names:
        raise node.error(unknown(f"level in table {table}", level, names))


def _quantity(node: YamlNode, name: str) -> str:
    if name not in PRINTED:
        raise node.error(unknown("quantity", name, PRINTED))
    return name


def _decimals(node: YamlNode) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int) or not 0 <= node.value <= 10:
        raise node.error(f"{node.value!r} is not a number of decimals; give a whole number from 0 to 10")
    return int(node.value)


def _number(node: YamlNode, decimals: int | None = None) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not isfinite(node.value):
        raise node.error(f"{node.value!r} is not a number")
    value = float(node.value)
    if decimals is not None and abs(round(value, decimals) - value) > 1e-9 * abs(value):
        raise node.error(
            f"{value:g} has more than the {decimals} decimals that were printed; correct the value or the decimals"
        )
    return value


def _because(node: YamlNode) -> str:
    return node.text("because", "")
