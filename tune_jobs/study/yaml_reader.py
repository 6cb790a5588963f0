"""The YAML reader of study files. It refuses, on their line, the forms that make readers crash or never end.

`tune_jobs.study.limits` checks what can be checked without the file, for documents from Python too.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import SequenceNode
from ruamel.yaml.scanner import RoundTripScanner, Scanner

from tune_jobs.errors import UserError, cut, first_line
from tune_jobs.study.limits import MOST_BYTES, MOST_DEPTH, MOST_DIGITS, MOST_NODES
from tune_jobs.study.yaml_node import YamlNode

_LONGEST_PATH = 255
_TOO_DEEP = f"mappings and lists are nested more than {MOST_DEPTH} deep; nest fewer"
_NOT_VALID = "is not valid YAML: "
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp", "merge", "value")
)


def read_yaml(path: Path) -> YamlNode:
    """Read a YAML 1.2 file.

    Raises:
        UserError: the file cannot be read, is too large, is not valid YAML, repeats a key, or is not a mapping.
    """
    text = _text(path)
    try:
        value = _reader("rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join((error.problem or error.context or "").split())
        prefix = "" if isinstance(error, _RefusedError) else _NOT_VALID
        raise UserError(f"{path}{line}: {prefix}{problem}") from error
    except YAMLError as error:
        raise UserError(f"{path}: {_NOT_VALID}{' '.join(str(error).split())}") from error
    except Exception as error:  # the reader has no error of its own for `!!int x`
        raise UserError(f"{path}: {_NOT_VALID}{first_line(error)}") from error
    node = YamlNode(value, str(path), 1)
    if not node.is_mapping:
        raise node.error("a study is a mapping (`key: value` lines) with `base` and `tables`")
    return node


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UserError(f"{path}: is larger than {MOST_BYTES:,} bytes, the most that a study file may be; split it")
        return content.decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path}: there is no such study file; check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{cut(str(path), _LONGEST_PATH)}: cannot be read as text ({reason})") from error


def parse_scalar(text: str) -> Any:
    """Read a command-line value as YAML does: number, true, false, null or text."""
    try:
        value = _reader("safe").load(text)
    except Exception:  # text need not be YAML, and some of it crashes readers
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _reader(kind: str) -> YAML:
    """Make a reader of YAML 1.2: "rt" keeps the lines of values, "safe" gives plain ones."""
    reader = YAML(typ=kind, pure=True)
    reader.Scanner = _RoundTripScanner if kind == "rt" else _ShallowScanner
    reader.Composer = _Composer
    reader.max_depth = MOST_DEPTH
    return reader


class _RefusedError(MarkedYAMLError):
    """Valid YAML that no study needs."""


class _ShallowScanner(Scanner):
    """Stops at the depth that is refused: brackets within each other take quadratic time to scan."""

    def fetch_flow_collection_start(self, token: Any, to_push: Any) -> None:
        super().fetch_flow_collection_start(token, to_push)
        self._check_depth(len(self.flow_context))

    def add_indent(self, column: int) -> bool:
        added: bool = super().add_indent(column)
        self._check_depth(len(self.indents))
        return added

    def _check_depth(self, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise _RefusedError(None, None, _TOO_DEEP, self.reader.get_mark())


class _RoundTripScanner(_ShallowScanner, RoundTripScanner):
    pass


class _Composer(Composer):
    """Composes a document within the limits; its errors name the line."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False
        self._nodes = 0
        self._open: set[str] = set()
        # Mappings with others merged in (`<<`), and how many entries they have with these.
        self._merged: dict[int, tuple[Any, int]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        anchor, mark = event.anchor, event.start_mark
        if isinstance(event, AliasEvent) and anchor in self._open:
            name = cut(anchor)
            raise _RefusedError(None, None, f"*{name} stands inside of &{name} itself; write out what it means", mark)
        self._count(1, mark)
        opened = anchor is not None and not isinstance(event, AliasEvent)
        if opened:
            self._open.add(anchor)
        try:
            node = super().compose_node(parent, index)
        except MaxDepthExceededError as error:
            raise _RefusedError(None, None, _TOO_DEEP, error.problem_mark) from error
        if opened:
            self._open.discard(anchor)
        return node

    def _count(self, nodes: int, mark: Any) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _RefusedError(None, None, f"the file has more than {MOST_NODES:,} values and keys; split it", mark)

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        self._check_tag(node)
        if str(node.tag) == "tag:yaml.org,2002:int" and len(node.value) > MOST_DIGITS:
            problem = f"a whole number of {len(node.value):,} digits; give at most {MOST_DIGITS:,}"
            raise _RefusedError(None, None, problem, node.start_mark)
        return node

    def compose_sequence_node(self, anchor: Any) -> Any:
        return self._check_tag(super().compose_sequence_node(anchor))

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = self._check_tag(super().compose_mapping_node(anchor))
        merged = [value for key, value in node.value if str(key.tag) == "tag:yaml.org,2002:merge"]
        parts = [part for value in merged for part in (value.value if isinstance(value, SequenceNode) else [value])]
        size = sum(self._merged.get(id(part), (part, len(part.value)))[1] for part in parts)
        if parts:
            self._merged[id(node)] = node, size + len(node.value)
        self._count(size, node.start_mark)
        return node

    def _check_tag(self, node: Any) -> Any:
        if str(node.tag) not in _TAGS:
            tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
            raise _RefusedError(
                None, None, f"the tag {cut(tag)} means nothing in a study; leave it out", node.start_mark
            )
        return node
