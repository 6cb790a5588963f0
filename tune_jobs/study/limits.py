"""What a study may hold: the size and the depth of its document, its texts and numbers, its tables and replicates.

The limits are far above what a study needs, and low enough that a slip is refused at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tune_jobs.errors import UserError, is_control, shown
from tune_jobs.study.yaml_node import YamlNode

if TYPE_CHECKING:
    # A command's help names a limit, and needs no study.
    from tune_jobs.study.model import Study, Table

# Of a study file.
MOST_BYTES = 1_000_000
# Mappings and lists within each other.
MOST_DEPTH = 64
# Keys and values, with aliases written out.
MOST_NODES = 100_000
# Of a whole number.
MOST_DIGITS = 1_000
MOST_TABLES = 2_000
MOST_REPLICATES = 10_000
# Replicates of all rows; counting them takes seconds.
MOST_REPLICATES_IN_ALL = 200_000
_MOST_BITS = 3_322  # 1,000 digits


def check_document(root: YamlNode) -> None:
    """Check the size, the depth, the texts and the numbers of a document.

    Raises:
        UserError: it holds too much, or a text or a number that no file or terminal takes.
    """
    _Check().of(root, 0)


@dataclass
class _Check:
    nodes: int = 0

    def of(self, node: YamlNode, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise node.error(f"the study has more than {MOST_NODES:,} values and keys, aliases written out; split it")
        if depth > MOST_DEPTH:
            raise node.error(f"mappings and lists are nested more than {MOST_DEPTH} deep; nest fewer")
        value = node.value
        if isinstance(value, Mapping):
            names = set()
            for key in map(str, value):
                _check_text(node, key, "the key ")
                if key in names:
                    raise node.error(f"the key {shown(key)} repeats; give each key once")
                names.add(key)
        elif isinstance(value, str):
            _check_text(node, value)
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise node.error(f"{shown(value)}; give at most {MOST_DIGITS:,} digits")
        for child in node.children():
            self.of(child, depth + 1)


def _check_text(node: YamlNode, text: str, what: str = "") -> None:
    # Printable text, which is nearly all, needs no look at each letter.
    if not text.isprintable() and (letter := next(filter(is_control, text), "")):
        raise node.error(f"{what}{shown(text)} contains {shown(letter)}, which cannot be printed; leave it out")


def check_tables(root: YamlNode, tables: "Iterable[Table]") -> None:
    """Raise for more tables than a report can show."""
    count = len(list(tables))
    if count > MOST_TABLES:
        raise root.error(
            f"the study has {count:,} tables, stages and final configurations; give at most {MOST_TABLES:,}"
        )


def check_replicates(study: "Study", seeds: int) -> None:
    """Raise for a study with more replicates than can be counted in seconds.

    Raises:
        UserError: it has; the message says how many, and the limit.
    """
    tables = [*study.tables, *study.stages, *study.finals]
    rows = sum(len(table.levels) for table in tables)
    replicates = sum(len(table.levels) * _seeds(table, study, seeds) for table in tables)
    if replicates > MOST_REPLICATES_IN_ALL:
        raise UserError(
            f"{study.source}: its {rows:,} rows with {seeds:,} seeds have {replicates:,} replicates; give fewer levels "
            f"or seeds, for at most {MOST_REPLICATES_IN_ALL:,}"
        )


def _seeds(table: "Table", study: "Study", seeds: int) -> int:
    repeats = max(seeds, table.showing.seeds) if seeds >= study.seeds else seeds
    return repeats * (table.showing.folds or 1)
