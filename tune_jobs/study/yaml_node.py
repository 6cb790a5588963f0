"""YAML with the place of everything in it, so that an error can say where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_jobs.errors import UserError, unknown


@dataclass(frozen=True)
class Node:
    """A value in a YAML file, with its file, its line and the path of keys that leads to it.

    Lines count from 1; 0 stands for a document that is in no file.
    """

    value: Any
    file: str
    line: int
    path: str = ""

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    def error(self, problem: str, *, field: str = "") -> UserError:
        """Return the error that names the file, the line, the place and the problem."""
        place = self.path if not field or self.path.endswith(field) else f"{self.path} ({field})"
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return UserError(f"{where}: {f'{place}: ' if place else ''}{problem}")

    def pairs(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the keys of a mapping with their values."""
        if not self.is_mapping:
            raise self.error(f"must be a mapping (`key: value` lines), not {self._kind}")
        if not self.value:
            raise self.error("is empty; leave it out or give at least one entry")
        for key, value in self.value.items():
            places: Any = self.value
            # A key that a merge (`<<`) brought in stands elsewhere: the mapping's own line is the nearest.
            marks = getattr(places, "lc", None)
            known = marks is not None and marks.data is not None and key in marks.data
            line = places.lc.key(key)[0] + 1 if known else self.line
            yield str(key), Node(value, self.file, line, f"{self.path}.{key}" if self.path else str(key))

    def items(self) -> list["Node"]:
        """Return the entries of a list, of which there must be some."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {self._kind}")
        if not self.value:
            raise self.error("is an empty list; give at least one entry")
        marks = getattr(self.value, "lc", None)
        return [
            Node(value, self.file, marks.item(index)[0] + 1 if marks else self.line, f"{self.path}[{index}]")
            for index, value in enumerate(self.value)
        ]

    def get(self, key: str) -> "Node | None":
        """Return the value under a key, or None where it is not given."""
        return next((node for name, node in self.pairs() if name == key), None)

    def need(self, key: str) -> "Node":
        """Return the value under a key that must be there."""
        node = self.get(key)
        if node is None:
            raise self.error(f"lacks `{key}`")
        return node

    def text(self, key: str, default: str) -> str:
        """Return the text under a key."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, dict | list) or node.value is None:
            raise node.error(f"must be text, not {node._kind}")
        return " ".join(str(node.value).split())

    def whole(self, key: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """Return the whole number under a key, `least` and `most` included."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not least <= node.value <= most:
            rule = f"a whole number of at least {least} and at most {most}"
            raise node.error(f"{node.value!r} is not {rule}", field=key)
        return int(node.value)

    def only(self, *known: str) -> None:
        """Raise for a key that is not known, naming the nearest that is."""
        for key, node in self.pairs():
            if key not in known:
                raise node.error(unknown("key", key, known))

    @property
    def _kind(self) -> str:
        if isinstance(self.value, dict | list):
            return "a mapping" if self.is_mapping else "a list"
        return "empty" if self.value is None else repr(self.value)


def plain(value: Any) -> Any:
    """Return a YAML value as plain lists, mappings and scalars, without its places."""
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    return value


def read_yaml(path: Path) -> Node:
    """Read a YAML 1.2 file.

    Raises:
        UserError: it cannot be read, is no YAML, repeats a key, or is no mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such study file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error})") from error
    try:
        value = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: is not valid YAML: {(error.problem or error.context or '').strip()}") from error
    except YAMLError as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    node = Node(value, str(path), 1)
    if not node.is_mapping:
        raise node.error("a study is a mapping (`key: value` lines) with `base` and `tables`")
    return node


def parse_scalar(text: str) -> Any:
    """Return a command-line value as YAML reads it: number, true, false or text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return text
    return value if isinstance(value, bool | int | float) else text
