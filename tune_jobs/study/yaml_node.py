"""Values of a document with their file and line, for errors that say where the mistake is."""

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tune_jobs.errors import UserError, cut, shown, unknown

_LONGEST_PATH = 200


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
        return UserError(f"{self.place}: {f'{cut(place, _LONGEST_PATH)}: ' if place else ''}{problem}")

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.file}, line {self.line}" if self.line else self.file

    def pairs(self) -> Iterator[tuple[str, "YamlNode"]]:
        """Yield the keys of a mapping with their values."""
        self._check_mapping()
        for key in self.value:
            yield str(key), self._under(key)

    def items(self) -> list["YamlNode"]:
        """The entries of a list; an empty list is an error."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {self._kind}")
        if not self.value:
            raise self.error("is an empty list; give at least one entry")
        return list(self.children())

    def children(self) -> Iterator["YamlNode"]:
        """Yield what a mapping or a list contains; nothing for any other value."""
        if self.is_mapping:
            yield from map(self._under, self.value)
        elif isinstance(self.value, list):
            marks = getattr(self.value, "lc", None)
            for index, value in enumerate(self.value):
                line = marks.item(index)[0] + 1 if marks else self.line
                yield YamlNode(value, self.file, line, f"{self.path}[{index}]")

    def get(self, key: str) -> "YamlNode | None":
        """The value under a key; None if the key is absent."""
        self._check_mapping()
        if key in self.value:
            return self._under(key)
        # Keys need not be text: `labels: {1: …}`.
        return next((self._under(name) for name in self.value if str(name) == key), None)

    def _check_mapping(self) -> None:
        if not self.is_mapping:
            raise self.error(f"must be a mapping (`key: value` lines), not {self._kind}")
        if not self.value:
            raise self.error("is empty; leave it out or give at least one entry")

    def _under(self, key: Any) -> "YamlNode":
        places: Any = self.value
        # A key that was merged in (`<<`) has its line elsewhere; the line of the mapping is the nearest.
        marks = getattr(places, "lc", None)
        known = marks is not None and marks.data is not None and key in marks.data
        line = places.lc.key(key)[0] + 1 if known else self.line
        return YamlNode(self.value[key], self.file, line, f"{self.path}.{key}" if self.path else str(key))

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
            raise node.error(node._is_not(rule), field=key)
        return int(node.value)

    def number(self) -> float:
        """The value as a finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            key = self.path.rpartition(".")[2]
            raise self.error(self._is_not("a number"), field=key)
        if not abs(self.value) <= sys.float_info.max:
            raise self.error(
                f"{shown(self.value)} is not a finite number; give one", field=self.path.rpartition(".")[2]
            )
        return float(self.value)

    def only(self, *known: str) -> None:
        """Raise for an unknown key, and suggest the nearest known key."""
        for key, node in self.pairs():
            if key not in known:
                raise node.error(unknown("key", key, known))

    def _is_not(self, rule: str) -> str:
        return f"has no value; give {rule}" if self.value is None else f"{shown(self.value)} is not {rule}; give one"

    @property
    def _kind(self) -> str:
        if isinstance(self.value, dict | list):
            return "a mapping" if self.is_mapping else "a list"
        return "empty" if self.value is None else shown(plain(self.value))


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
