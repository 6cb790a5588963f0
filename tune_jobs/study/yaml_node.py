"""YAML values with their file and line, for errors that say where the mistake is."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_jobs.errors import UserError, unknown


@dataclass(frozen=True)
class YamlNode:
    """A value in a YAML file, with its file, its line and the path of keys that leads to it.

    Lines count from 1; line 0 means that the document did not come from a file.
    """

    value: Any
    file: str
    line: int
    path: str = ""

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return isinstance(self.value, dict)

    def error(self, problem: str, *, field: str = "") -> UserError:
        """Build the error that names the file, the line, the path of keys and the problem."""
        place = self.path if not field or self.path.endswith(field) else f"{self.path} ({field})"
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return UserError(f"{where}: {f'{place}: ' if place else ''}{problem}")

    def pairs(self) -> Iterator[tuple[str, "YamlNode"]]:
        """Yield the keys of a mapping with their values."""
        if not self.is_mapping:
            raise self.error(f"must be a mapping (`key: value` lines), not {self._kind}")
        if not self.value:
            raise self.error("is empty; leave it out or give at least one entry")
        for key, value in self.value.items():
            places: Any = self.value
            # A key that was merged in (`<<`) has its line elsewhere; the line of the mapping is the nearest.
            marks = getattr(places, "lc", None)
            known = marks is not None and marks.data is not None and key in marks.data
            line = places.lc.key(key)[0] + 1 if known else self.line
            yield str(key), YamlNode(value, self.file, line, f"{self.path}.{key}" if self.path else str(key))

    def items(self) -> list["YamlNode"]:
        """The entries of a list; an empty list is an error."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {self._kind}")
        if not self.value:
            raise self.error("is an empty list; give at least one entry")
        marks = getattr(self.value, "lc", None)
        return [
            YamlNode(value, self.file, marks.item(index)[0] + 1 if marks else self.line, f"{self.path}[{index}]")
            for index, value in enumerate(self.value)
        ]

    def get(self, key: str) -> "YamlNode | None":
        """The value under a key; None if the key is absent."""
        return next((node for name, node in self.pairs() if name == key), None)

    def need(self, key: str) -> "YamlNode":
        """The value under a required key."""
        node = self.get(key)
        if node is None:
            raise self.error(f"lacks `{key}`; add it")
        return node

    def text(self, key: str, default: str) -> str:
        """The text under a key."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, dict | list) or node.value is None:
            raise node.error(f"must be text, not {node._kind}")
        return " ".join(str(node.value).split())

    def one_of(self, key: str, default: str, known: Collection[str]) -> str:
        """The text under a key, which must be a known name."""
        value = self.text(key, default)
        if value not in known:
            raise self.need(key).error(unknown(key, value, known))
        return value

    def whole(self, key: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """The whole number under a key, between `least` and `most` inclusive."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not least <= node.value <= most:
            rule = f"a whole number of at least {least} and at most {most}"
            raise node.error(f"{node.value!r} is not {rule}", field=key)
        return int(node.value)

    def number(self) -> float:
        """The value as a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            key = self.path.rpartition(".")[2]
            raise self.error(f"{self.value!r} is not a number; give a number", field=key)
        return float(self.value)

    def only(self, *known: str) -> None:
        """Raise for an unknown key, and suggest the nearest known key."""
        for key, node in self.pairs():
            if key not in known:
                raise node.error(unknown("key", key, known))

    @property
    def _kind(self) -> str:
        if isinstance(self.value, dict | list):
            return "a mapping" if self.is_mapping else "a list"
        return "empty" if self.value is None else repr(self.value)


def plain(value: Any) -> Any:
    """Convert a YAML value to plain lists, mappings and scalars, without line numbers."""
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    return value


def read_yaml(path: Path) -> YamlNode:
    """Read a YAML 1.2 file.

    Raises:
        UserError: the file cannot be read, is not valid YAML, repeats a key, or is not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such study file; check the path") from error
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
    node = YamlNode(value, str(path), 1)
    if not node.is_mapping:
        raise node.error("a study is a mapping (`key: value` lines) with `base` and `tables`")
    return node


def parse_scalar(text: str) -> Any:
    """Read a command-line value as YAML does: number, true, false or text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return text
    return value if isinstance(value, bool | int | float) else text
