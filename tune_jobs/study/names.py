"""Names of studies and tables, which become the names of folders and files."""

from collections.abc import Iterable, Sequence
from typing import Any

from tune_jobs.errors import is_control, shown
from tune_jobs.files import folded_name
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.model import FINAL, FRESH_PATH, PATH, SEARCH_TABLES, Table
from tune_jobs.study.yaml_node import YamlNode

# Of the name of a study or a table, in bytes. A file system takes 255, and reports add some to a name.
MOST_NAME_BYTES = 150
# Windows keeps these for devices, whatever follows a dot.
_DEVICES = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)
# Of the report's section of images, and of its figures.
IMAGES, WORST_IMAGES = "validation-images", "worst-images"
_RESERVED = {
    **dict.fromkeys(SEARCH_TABLES, "the search"),
    FINAL: "the final configuration",
    PATH: "the path of the stages",
    FRESH_PATH: "the path of the stages",
    "statements": "the report's table of sentences",
    "conventions": "the report's table of conventions",
    IMAGES: "the report's figures of images",
    WORST_IMAGES: "the report's figures of images",
}
# What the report adds to a table's name to name further files about it.
_SUFFIXES = ("-test", "-published", *(f"-{name}" for name in FIGURES))


def name_problem(name: Any) -> str:
    """Say why a name cannot be the name of a folder or of files; "" if it can."""
    if not isinstance(name, str):
        return f"{shown(name)} is not text; give a name in letters"
    if not name.strip():
        return "the name is empty; give one"
    if name.startswith("."):
        return f"{shown(name)} begins with a dot; leave it out"
    letter = next((letter for letter in name if letter in "/\\" or is_control(letter) or letter in "\n\r\t"), "")
    if letter:
        return f"{shown(name)} contains {shown(letter)}, which no name of a file may; leave it out"
    if name[-1] in ". ":
        last = "dot" if name.endswith(".") else "blank"
        return f"{shown(name)} ends in a {last}, which folders on Windows may not; leave it out"
    if folded_name(name).partition(".")[0].rstrip() in _DEVICES:
        return f"{shown(name)} is the name of a device on Windows; give another"
    size = len(name.encode())
    if size > MOST_NAME_BYTES:
        return f"{shown(name)} is {size:,} bytes long; give at most {MOST_NAME_BYTES}"
    return ""


def table_name(node: YamlNode, name: str) -> str:
    """Check the name of a table.

    Raises:
        UserError: it is missing, cannot be the name of files, or is one that reports use.
    """
    if not name:
        raise node.error("a table without `factor` needs a `name`; add one")
    lower = folded_name(name)
    if lower in _RESERVED:
        raise node.error(f"{name} is reserved for {_RESERVED[lower]}; give another `name`")
    if lower.endswith(_SUFFIXES):
        suffix = name[name.rindex("-") :]
        raise node.error(f"{name} ends in {suffix}, which the report adds to table names; give a `name` without it")
    if not name.replace("_", "").replace("-", "").isalnum():
        raise node.error(f"{shown(name)} is not a table name; use only letters, digits, _ and -")
    problem = name_problem(name)
    if problem:
        raise node.error(f"{problem} as the `name` of the table")
    return name


def refuse_shared_names(parts: Iterable[tuple[YamlNode | None, Sequence[Table]]]) -> None:
    """Raise where a table, stage or final configuration has the name of another, or files that some systems mix up."""
    seen: dict[str, str] = {}
    for node, tables in parts:
        for index, table in enumerate(tables):
            key = folded_name(table.name)
            if node is not None and key in seen:
                place = node if node.is_mapping else node.items()[index]
                same = "repeats" if table.name == seen[key] else f"differs from {seen[key]} only in case"
                raise place.error(
                    f"the table name {table.name} {same}; give each table, stage and final configuration another"
                )
            seen[key] = table.name
